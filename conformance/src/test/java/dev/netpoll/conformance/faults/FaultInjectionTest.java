// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Locale;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.opentest4j.TestAbortedException;

/**
 * Memory that is used up, a stack that overflows, a system call that fails: whatever fails, costs the one connection
 * that was touched, and nothing else. Each variant takes a few places: first one of each {@link #TELLING} kind, then
 * others, as the seed says, which is the same for every run that is not given another one. The long suite
 * takes all, in all variants.
 */
class FaultInjectionTest {
    private static final int SECONDS = Integer.getInteger("faults.seconds", 1);

    private static final long SEED = 20_250_916;

    /** Each of them once lost more than a connection. */
    private static final List<String> TELLING = List.of(
            "heap at MpscQueue#offer",
            "heap at Inbound#buffer",
            "heap at ViewScope#ofMode",
            "heap at Segment#owner",
            "heap at SockAddr#copy",
            "overflow at Scratch#take",
            "overflow at DetachedSocket#take",
            "overflow at Block#track",
            "overflow at Pollable#isRegistered",
            "overflow at EpollEvents#set",
            "overflow at Submissions#",
            "overflow at TimerHeap#",
            "EMFILE at LibcSocket#accept",
            "EINTR at LibcSocket#connect");

    /** A fault that does harm takes its time to find out. */
    private static final int ENOUGH_HARM = 5;

    @ParameterizedTest
    @CsvSource({
        "epoll, adaptive",
        "epoll, inline",
        "io_uring, adaptive",
        "nio, virtual",
    })
    void aFaultCostsTheOneConnectionThatItTouches(String backend, String dispatch) throws Exception {
        String only = System.getProperty("netpoll.test.backend", backend);
        if (!only.toLowerCase(Locale.ROOT).equals(backend)) {
            throw new TestAbortedException("this run is narrowed to " + only);
        }
        SweepOptions options = new SweepOptions();
        options.backends = List.of(backend);
        options.dispatches = List.of(dispatch);
        options.seconds = SECONDS;
        options.most = ENOUGH_HARM;
        options.first = TELLING;
        options.seed = Long.getLong("seed", SEED);
        Sweep sweep = new Sweep(options);
        try {
            sweep.run();
        } catch (UnsupportedOperationException unsupported) {
            throw new TestAbortedException(backend + " cannot run here: " + unsupported.getMessage());
        }
        System.out.println(backend + " " + dispatch + ": " + sweep.summary());
        assertThat(sweep.lines()).as(sweep.summary()).isEmpty();
        assertThat(sweep.struck()).isPositive();
    }
}
