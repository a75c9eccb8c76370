// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.netpoll.internal.ffi.GuardedFd;
import dev.netpoll.internal.ffi.LibcEventfd;
import dev.netpoll.internal.ffi.Scratch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A wake-up is never lost, also where posting it to the ring fails. */
class WakerTest {
    private static final long LONG = TimeUnit.SECONDS.toNanos(30);

    @BeforeEach
    void onNewLinux() {
        String reason = UringMechanism.unavailableReason();
        assumeTrue(reason == null, () -> reason);
    }

    private static UringPoller open() throws Exception {
        return (UringPoller) new UringMechanism().openPoller();
    }

    private static void assertReturnsSoon(UringPoller poller) throws Exception {
        long begin = System.nanoTime();
        poller.fetch(LONG);
        while (poller.deliver()) {
            // a wake-up is nobody's event
        }
        assertThat(System.nanoTime() - begin).isLessThan(LONG / 2);
    }

    @Test
    void aWakeUpBeforeTheRingBeginsEndsItsFirstWait() throws Exception {
        try (UringPoller poller = open()) {
            poller.wakeup();
            assertReturnsSoon(poller);
        }
    }

    @Test
    void whatTheKernelRefusesToPostIsToldByTheEventfd() throws Exception {
        try (UringPoller poller = open()) {
            poller.fetch(0);
            // Nothing can be posted to a descriptor that is no ring: as if the kernel had no memory.
            Scratch scratch = Scratch.take();
            GuardedFd noRing = new GuardedFd(LibcEventfd.eventfd(scratch));
            poller.waker.wake(noRing);
            noRing.close(scratch);
            scratch.giveBack();
            assertReturnsSoon(poller);
            poller.wakeup();
            assertReturnsSoon(poller);
        }
    }

    @Test
    void aWakeUpWhileTheRingIsGivenUpEndsTheWaitOfTheNext() throws Exception {
        try (UringPoller poller = open()) {
            Thread first = Thread.ofPlatform().start(() -> {
                try {
                    poller.fetch(0);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
                poller.leave();
            });
            first.join();
            poller.wakeup();
            assertReturnsSoon(poller);
        }
    }
}
