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
 * that was touched, and nothing else. Each variant takes as many places at random as there is time for.
 */
class FaultInjectionTest {
    private static final int SECONDS = Integer.getInteger("faults.seconds", 3);

    /** A fault that does harm takes its time to find out. */
    private static final int ENOUGH_HARM = 5;

    @ParameterizedTest
    @CsvSource({
        "epoll, adaptive",
        "epoll, virtual",
        "epoll, inline",
        "io_uring, adaptive",
        "io_uring, virtual",
        "io_uring, inline",
        "nio, adaptive",
        "nio, virtual",
        "nio, inline",
    })
    void aFaultCostsTheOneConnectionThatItTouches(String backend, String dispatch) throws Exception {
        if (!Boolean.getBoolean("netpoll.test.faults")) {
            throw new TestAbortedException("not yet green at every place: run with -Dnetpoll.test.faults=true");
        }
        String only = System.getProperty("netpoll.test.backend", backend);
        if (!only.toLowerCase(Locale.ROOT).equals(backend)) {
            throw new TestAbortedException("this run is narrowed to " + only);
        }
        SweepOptions options = new SweepOptions();
        options.backends = List.of(backend);
        options.dispatches = List.of(dispatch);
        options.seconds = SECONDS;
        options.most = ENOUGH_HARM;
        options.seed = Long.getLong("seed", System.nanoTime());
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
