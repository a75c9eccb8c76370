// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** The thread that gives memory back goes on whatever happens to it. */
class PoolTrimmerTest {
    /** Throws each time, until it has nothing left to do. */
    private static final class Failing extends PoolTrimmer {
        final AtomicInteger trims = new AtomicInteger();

        @Override
        Duration interval() {
            return Duration.ofMillis(1);
        }

        @Override
        boolean trim() {
            int count = trims.incrementAndGet();
            if (count > 5) {
                return false;
            }
            throw Failing.<RuntimeException>sneaky(
                    switch (count % 3) {
                        case 0 -> new OutOfMemoryError("for the test");
                        case 1 -> new IllegalStateException("for the test");
                        default -> new Exception("for the test");
                    });
        }

        @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
        private static <T extends Throwable> T sneaky(Throwable t) throws T {
            throw (T) t;
        }
    }

    @Test
    void aTrimThatThrowsIsFollowedByOthers() {
        Failing trimmer = new Failing();
        trimmer.start();
        long deadline = System.nanoTime() + Duration.ofSeconds(10).toNanos();
        while (trimmer.trims.get() <= 5 && System.nanoTime() - deadline < 0) {
            LockSupport.parkNanos(1_000_000);
        }
        assertThat(trimmer.trims).hasValue(6);
        assertThat(trimmer.failure()).isNotNull();
    }

    @Test
    void aTrimmerThatHasEndedIsFollowedByAnother() {
        Failing trimmer = new Failing();
        trimmer.trims.set(10);
        for (int i = 1; i <= 3; i++) {
            int before = trimmer.trims.get();
            long deadline = System.nanoTime() + Duration.ofSeconds(10).toNanos();
            while (trimmer.trims.get() == before && System.nanoTime() - deadline < 0) {
                trimmer.start(); // as with each new slab; it has not said that it ends, as if it had died
                LockSupport.parkNanos(1_000_000);
            }
            assertThat(trimmer.trims).hasValueGreaterThan(before);
        }
    }
}
