// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import dev.netpoll.internal.base.Flight;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import org.jspecify.annotations.Nullable;

/**
 * Events of the pool in the flight recorder. Without the module {@code jdk.jfr} they do nothing. Those of the pool
 * never fail: recording one is less important than the caller's work.
 */
final class MemoryEvents {
    private MemoryEvents() {}

    /** A slab was obtained from the system. */
    static void slab(long bytes, int blockBytes, long slabBytes) {
        try {
            if (Flight.isRecorded()) {
                SlabAllocation event = new SlabAllocation();
                event.bytes = bytes;
                event.blockBytes = blockBytes;
                event.slabBytes = slabBytes;
                event.commit();
            }
        } catch (Throwable _) {
            // see above
        }
    }

    /** A block was handed out for the first time. */
    static void miss(int bytes) {
        try {
            if (Flight.isRecorded()) {
                PoolMiss event = new PoolMiss();
                event.bytes = bytes;
                event.commit();
            }
        } catch (Throwable _) {
            // see above
        }
    }

    /** Slabs were returned to the system. */
    static void trim(@Nullable Slab list, long bytes, long slabBytes) {
        try {
            if (Flight.isRecorded()) {
                int slabs = 0;
                for (Slab slab = list; slab != null; slab = slab.next) {
                    slabs++;
                }
                MemoryTrim event = new MemoryTrim();
                event.slabs = slabs;
                event.bytes = bytes;
                event.slabBytes = slabBytes;
                event.commit();
            }
        } catch (Throwable _) {
            // see above
        }
    }

    /** A buffer was never closed. */
    static void leak(long bytes, Throwable madeAt) {
        if (Flight.isRecorded()) {
            BufferLeak event = new BufferLeak();
            event.bytes = bytes;
            event.madeAt = CheckedMode.describe(madeAt);
            event.commit();
        }
    }

    @Name("dev.netpoll.SlabAllocation")
    @Label("Slab Allocation")
    @Category({"Netpoll", "Memory"})
    @Description("A slab of buffer memory was obtained from the system")
    @StackTrace(false)
    static final class SlabAllocation extends Event {
        @Label("Size")
        @DataAmount
        long bytes;

        @Label("Size of Its Blocks")
        @DataAmount
        long blockBytes;

        @Label("Size of All Slabs")
        @DataAmount
        long slabBytes;
    }

    @Name("dev.netpoll.PoolMiss")
    @Label("Pool Miss")
    @Category({"Netpoll", "Memory"})
    @Description("No block of buffer memory was free, one was taken that nobody had before")
    static final class PoolMiss extends Event {
        @Label("Size")
        @DataAmount
        long bytes;
    }

    @Name("dev.netpoll.MemoryTrim")
    @Label("Memory Trim")
    @Category({"Netpoll", "Memory"})
    @Description("Slabs of buffer memory were given back to the system because they were not used")
    @StackTrace(false)
    static final class MemoryTrim extends Event {
        @Label("Slabs")
        int slabs;

        @Label("Size")
        @DataAmount
        long bytes;

        @Label("Size of All Slabs Left")
        @DataAmount
        long slabBytes;
    }

    @Name("dev.netpoll.BufferLeak")
    @Label("Buffer Leak")
    @Category({"Netpoll", "Memory"})
    @Description("A buffer with memory was collected, but had not been closed (checked mode)")
    @StackTrace(false)
    static final class BufferLeak extends Event {
        @Label("Size")
        @DataAmount
        long bytes;

        @Label("Made at")
        String madeAt = "";
    }
}
