// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The runs that are due on a loop, first in, first out. If it cannot grow for want of memory, {@link #add} throws and
 * nothing else has changed: all that was due still is. Loop only.
 */
final class DueQueue {
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
        System.arraycopy(ring, 0, larger, ring.length, first); // behind the end: what had wrapped round
        Arrays.fill(larger, 0, first, null);
        ring = larger;
    }

    /** {@return the first, or null} */
    @Nullable
    Activation peek() {
        return ring[first];
    }

    /** Takes the first one out, and {@return it, or null} */
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

    boolean isEmpty() {
        return size == 0;
    }
}
