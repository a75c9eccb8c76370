// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** One gives memory back while another begins to wait for it. */
public class MemoryBudgetStress {
    private static final long LIMIT = 1024;

    @JCStressTest
    @State
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "Told once.")
    @Outcome(id = "0, .*", expect = FORBIDDEN, desc = "MemoryBudget I2: the wake-up was lost.")
    @Outcome(expect = FORBIDDEN, desc = "MemoryBudget I3: told twice, or left in the list.")
    public static class AWaitRacesTheRelease {
        private final MemoryBudget budget = new MemoryBudget(LIMIT);
        private final AtomicInteger told = new AtomicInteger();
        private final MemoryWaiter waiter = new MemoryWaiter() {
            @Override
            protected void memoryReturned() {
                told.incrementAndGet();
            }
        };

        public AWaitRacesTheRelease() {
            budget.charge(2 * LIMIT);
        }

        @Actor
        public void waits() {
            budget.turns().await(waiter);
        }

        @Actor
        public void releases() {
            budget.release(LIMIT);
        }

        @Actor
        public void releasesTheRest() {
            budget.release(LIMIT);
        }

        @Arbiter
        public void result(II_Result r) {
            r.r1 = told.get();
            r.r2 = budget.turns().waiters();
        }
    }
}
