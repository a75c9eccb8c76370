// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.conformance.support.OwnNet;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** Tests on a group of their own with a small budget of memory, which slices may use up. */
abstract class BudgetTest extends ConformanceTest {
    /** Slices that a program keeps. */
    final Queue<LinkBuffer> kept = new ConcurrentLinkedQueue<>();

    OwnNet own;

    private final long budget;

    BudgetTest(long budget) {
        this.budget = budget;
    }

    @BeforeEach
    final void openOwn() {
        own = OwnNet.withBudget(variant, budget);
    }

    @AfterEach
    final void closeOwn() {
        own.close();
        closeKept();
    }

    /** {@return how many bytes they were} */
    long closeKept() {
        long bytes = 0;
        for (LinkBuffer slice = kept.poll(); slice != null; slice = kept.poll()) {
            bytes += slice.readableBytes();
            slice.close();
        }
        return bytes;
    }
}
