// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The runs that are due on a loop, first in, first out: those of this turn, and those that used up their share and go
 * on in the next. If there is no memory to grow, adding throws and changes nothing. Loop only.
 */
final class DueQueue {
    private Ring now = new Ring();
    private Ring later = new Ring();

    private static final class Ring {
        private @Nullable Activation[] ring = new Activation[16];
        private int first;
        private int size;

        void add(Activation activation) {
            if (size == ring.length) {
                grow();
            }
            ring[(first + size) & (ring.length - 1)] = activation;
            size++;
        }

        private void grow() {
            @Nullable Activation[] larger = Arrays.copyOf(ring, ring.length * 2);
            System.arraycopy(ring, 0, larger, ring.length, first); // the wrapped part moves behind the end
            Arrays.fill(larger, 0, first, null);
            ring = larger;
        }

        @Nullable
        Activation peek() {
            return ring[first];
        }

        @Nullable
        Activation poll() {
            Activation taken = ring[first];
            if (taken != null) {
                ring[first] = null;
                first = (first + 1) & (ring.length - 1);
                size--;
            }
            return taken;
        }
    }

    void add(Activation activation) {
        now.add(activation);
    }

    /** Adds a run that is due in the next turn. */
    void addLater(Activation activation) {
        later.add(activation);
    }

    /** Begins a turn: runs left for it become due. Allocates nothing if no others are due. */
    void beginTurn() {
        if (later.size == 0) {
            return;
        }
        if (now.size == 0) {
            Ring empty = now;
            now = later;
            later = empty;
        }
        for (Activation next = later.peek(); next != null; next = later.peek()) {
            now.add(next);
            later.poll();
        }
    }

    /** {@return the first, or null} */
    @Nullable
    Activation peek() {
        return now.peek();
    }

    /** Removes the first run; {@return it, or null} */
    @Nullable
    Activation poll() {
        return now.poll();
    }

    /** {@return whether none is due in this turn} */
    boolean isEmpty() {
        return now.size == 0;
    }

    /** {@return whether any is due in the next turn} */
    boolean hasLater() {
        return later.size > 0;
    }
}
