// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.loop.EventLoop.Resident;
import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The set of a loop's residents. Each knows its index, so leaving needs no search. Only {@link #add} allocates; without
 * memory it throws and changes nothing. Loop only, except for the count.
 */
final class Residents {
    private @Nullable Resident[] all = new Resident[16];
    private volatile int count;

    void add(Resident resident) {
        int place = count;
        if (place == all.length) {
            all = Arrays.copyOf(all, place + (place >> 1));
        }
        all[place] = resident;
        resident.index = place;
        count = place + 1;
    }

    /** Removes a resident; does nothing if it is not in the set. */
    void remove(Resident resident) {
        int hole = resident.index;
        if (hole < 0) {
            return;
        }
        resident.index = -1;
        int end = count - 1;
        Resident last = all[end];
        all[end] = null;
        if (last != null && last != resident) {
            all[hole] = last;
            last.index = hole;
        }
        count = end;
    }

    /**
     * Calls {@code action} for each; the action may remove any. Goes from the end, as the last one fills the gap of one
     * that leaves. So none is missed; but if an action removes another resident, a third may be called twice.
     */
    void forEach(Consumer<? super Resident> action) {
        for (int i = count - 1; i >= 0; i = Math.min(i, count) - 1) {
            Resident resident = all[i];
            if (resident != null) {
                action.accept(resident);
            }
        }
    }

    /** {@return how many there are} Any thread. */
    int count() {
        return count;
    }
}
