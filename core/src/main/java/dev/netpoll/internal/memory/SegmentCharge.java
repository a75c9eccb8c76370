// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The charge of a segment: the number of bytes that a connection has received and still retains. The segment reports
 * them to a counter when they are consumed, and at the latest when it is freed.
 *
 * <p>Invariant, numbered through the layers of a {@link Segment}:
 * <ul>
 *   <li>I3. {@code charged >= 0}, and {@code charged == 0} when there is no counter.
 * </ul>
 */
abstract class SegmentCharge extends SegmentWindow {
    /** Package-private, as is {@link #charged}: {@link Segment#free} clears them without a call. */
    @Nullable
    RetainedBytes counter;

    int charged;

    SegmentCharge(Block block, int generation, int start, int end, int limit) {
        super(block, generation, start, end, limit);
    }

    SegmentCharge(MemorySegment memory, int size) {
        super(memory, size);
    }

    /** How many retained bytes this segment counts for. */
    public final int charged() {
        return charged;
    }

    /** Charges these bytes as {@code bytes} retained ones to {@code counter}. */
    final void countFor(RetainedBytes counter, int bytes) {
        if (this.counter != null) {
            throw new IllegalStateException("charged already for " + charged + " bytes");
        }
        if (bytes < 0) {
            throw new IllegalArgumentException("negative charge " + bytes);
        }
        this.counter = counter;
        this.charged = bytes;
    }

    /** Like {@link Segment#charge}, but replaces the previous charge. */
    public final void recharge(RetainedBytes counter, int bytes) {
        RetainedBytes before = this.counter;
        int rest = charged;
        this.counter = null;
        charged = 0;
        if (before != null && rest > 0) {
            before.released(rest);
        }
        countFor(counter, bytes);
    }

    /** Tells the counter that the program holds the bytes from now on. */
    final void keep() {
        RetainedBytes charger = counter;
        if (charger != null && charged > 0) {
            counter = charger.kept(charged);
        }
    }

    /** Moves up to {@code n} bytes of the charge to {@code target}, unless that has another counter. */
    final void moveCharge(SegmentCharge target, int n) {
        if (counter == null || !target.chargesLike(this)) {
            return;
        }
        int moved = Math.min(n, charged);
        target.counter = counter;
        target.charged += moved;
        charged -= moved;
    }

    /** Whether bytes of {@code other} may be copied to the end of this one without mixing up charges. */
    @SuppressWarnings("ReferenceEquality") // a counter is an identity
    final boolean chargesLike(SegmentCharge other) {
        return other.counter == null || counter == null || other.counter == counter;
    }

    /** Reports the charge beyond the remaining bytes. Only when no view shows the bytes before them. */
    final void settle() {
        int excess = charged - length();
        if (excess > 0 && counter != null) {
            charged -= excess;
            counter.released(excess);
        }
    }
}
