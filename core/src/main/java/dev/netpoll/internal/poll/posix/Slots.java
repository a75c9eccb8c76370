// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Finds the registration that an event belongs to. A token holds slot and generation. The generation changes when a
 * slot is given up, so an event fetched before that and handled later finds nothing, even if slot and descriptor are in
 * use again. The four highest bits of a token are free for the poller; a lookup ignores them.
 *
 * <p>Invariants: I1. A slot is in exactly one of: the table (not null), retired, free. I2. A retired slot becomes free
 * only between two batches of events. Loop only.
 */
public final class Slots {
    private static final int FIRST_CAPACITY = 64;

    /** The bits of a generation: 28, so that four of the token are left. */
    private static final int GENERATION = 0x0FFF_FFFF;

    private @Nullable Pollable[] table = new Pollable[FIRST_CAPACITY];
    private int[] generations = new int[FIRST_CAPACITY];
    private int used;

    /** A stack: free slots at the bottom, retired ones on top. */
    private int[] unused = new int[FIRST_CAPACITY];

    private int free;
    private int unusedCount;

    /** Assigns a slot and returns the token, which is below 2^60 and never negative. */
    public long add(Pollable pollable) {
        int slot;
        if (free > 0) {
            slot = unused[--free];
            // The topmost retired slot fills the gap.
            unused[free] = unused[--unusedCount];
        } else {
            if (used == table.length) {
                grow();
            }
            slot = used++;
        }
        table[slot] = pollable;
        pollable.slot = slot;
        return (long) generations[slot] << 32 | slot;
    }

    /** {@return the registration of the token, or null if it is gone} Ignores the four highest bits. */
    public @Nullable Pollable find(long token) {
        int slot = (int) token;
        return generations[slot] == ((int) (token >>> 32) & GENERATION) ? table[slot] : null;
    }

    /** Takes the slot back. */
    public void remove(Pollable pollable) {
        int slot = pollable.slot;
        pollable.slot = -1;
        table[slot] = null;
        generations[slot] = (generations[slot] + 1) & GENERATION;
        unused[unusedCount++] = slot;
    }

    /** Makes retired slots free again. Call it between two batches. */
    public void recycle() {
        free = unusedCount;
    }

    /** Calls {@code action} for every registration. The action may give up slots, but not take any. */
    public void forEach(Consumer<Pollable> action) {
        for (int slot = 0; slot < used; slot++) {
            Pollable pollable = table[slot];
            if (pollable != null) {
                action.accept(pollable);
            }
        }
    }

    /** {@return how many slots are taken} */
    public int size() {
        return used - unusedCount;
    }

    private void grow() {
        int capacity = table.length * 2;
        @Nullable Pollable[] moreTable = Arrays.copyOf(table, capacity);
        int[] moreGenerations = Arrays.copyOf(generations, capacity);
        int[] moreUnused = Arrays.copyOf(unused, capacity); // the last step that may fail
        table = moreTable;
        generations = moreGenerations;
        unused = moreUnused;
    }
}
