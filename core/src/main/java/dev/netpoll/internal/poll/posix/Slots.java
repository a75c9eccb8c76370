// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import java.util.Arrays;
import java.util.BitSet;
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

    /** Bits take a connection a quarter of a byte. Both sets have room for the whole table, so setting never fails. */
    private BitSet free = new BitSet(FIRST_CAPACITY);

    private BitSet retired = new BitSet(FIRST_CAPACITY);
    private int freeCount;
    private int retiredCount;

    /** No lower slot is free. */
    private int lowest;

    /** Assigns a slot and returns the token, which is below 2^60 and never negative. */
    public long add(Pollable pollable) {
        int slot;
        if (freeCount > 0) {
            slot = free.nextSetBit(lowest);
            freeCount--; // before the bit, so that it never exceeds the bits
            lowest = slot + 1;
            free.clear(slot);
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
        retired.set(slot);
        retiredCount++;
    }

    /** Makes retired slots free again. Call it between two batches. */
    public void recycle() {
        if (retiredCount > 0) {
            lowest = Math.min(lowest, retired.nextSetBit(0));
            free.or(retired);
            retired.clear();
            freeCount += retiredCount;
            retiredCount = 0;
        }
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
        return used - freeCount - retiredCount;
    }

    private void grow() {
        int capacity = table.length * 2;
        @Nullable Pollable[] moreTable = Arrays.copyOf(table, capacity);
        int[] moreGenerations = Arrays.copyOf(generations, capacity);
        BitSet moreFree = copyOf(free, capacity);
        BitSet moreRetired = copyOf(retired, capacity); // the last step that may fail
        table = moreTable;
        generations = moreGenerations;
        free = moreFree;
        retired = moreRetired;
    }

    private static BitSet copyOf(BitSet bits, int capacity) {
        BitSet copy = new BitSet(capacity);
        copy.or(bits);
        return copy;
    }
}
