// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.memory.MemoryLimitException;
import org.jspecify.annotations.Nullable;

/**
 * The copies that a reader makes although reading needs none: of small segments to the room after an earlier one, so
 * that each does not keep a block; of bytes that a user wants in one piece; and of a leftover, so that it does not keep
 * a large block.
 */
abstract class ReaderJoins extends ReaderChain {
    /** Up to this many bytes are copied into free room of the last segment instead of pinning a block. */
    private static final int COPY_BELOW = 1024;

    /** A block up to this capacity may be pinned by any leftover. */
    private static final int SMALL_BLOCK = 4096;

    private final BlockSource blocks;

    ReaderJoins(BlockSource blocks) {
        this.blocks = blocks;
    }

    // ---- small segments

    /** Appends a chain of segments, which belong to this reader from now on. May copy small ones together. */
    public final void append(@Nullable Segment chain) {
        if (head == null && chain != null && chain.next == null && chain.length() > 0) { // nearly every message
            head = chain;
            tail = chain;
        } else {
            appendAll(chain);
        }
    }

    private void appendAll(@Nullable Segment chain) {
        park();
        Segment rest = chain;
        int left = Misuse.MOST_SEGMENTS;
        try {
            while (rest != null && left-- > 0) {
                Segment segment = rest;
                boolean joined = isJoined(segment);
                rest = joined ? segment.next : link(segment);
                if (joined) {
                    segment.free();
                }
            }
        } finally {
            while (rest != null && left-- > 0) { // one of them was invalid: the others are readable
                rest = link(rest);
            }
        }
        Misuse.unless(rest == null);
    }

    /** Whether the segment is not needed any more: it is empty, or its bytes were copied after those of the last. */
    private boolean isJoined(Segment segment) {
        int n = segment.length();
        Segment last = tail;
        if (n > 0 && last != null && n <= COPY_BELOW && n <= last.room() && last.chargesLike(segment)) {
            try {
                copyToEnd(last, segment, n);
            } catch (IllegalStateException | OutOfMemoryError | StackOverflowError _) {
                return false; // the user has closed this memory, or there is no memory: it stays where it is
            }
            behind += last == head ? 0 : n;
            return true;
        }
        return n == 0;
    }

    // ---- bytes in one piece

    /**
     * Joins the first {@code n} bytes, which lie in several segments, and returns their segment. Copies them after the
     * first segment's bytes if it has the room, else all of them into a new block of at least twice the size of an
     * earlier join. So growing peeks copy every byte a bounded number of times, and hold at most twice the memory of
     * the largest. Views of the joined segments stay valid; their memory is retired.
     */
    final Segment contiguous(int n) {
        Segment front = first();
        if (front.room() < n - front.length()) {
            Segment joined = Segment.allocate(blocks, joinedSize(front, n));
            joined.next = front;
            head = joined;
            behind += front.length();
            front = joined;
        }
        try {
            while (front.length() < n) {
                join(front, n);
            }
        } catch (Throwable t) {
            if (front.length() == 0) { // nothing was copied to the new one
                unlinkFirst(front);
                front.free();
            }
            throw t;
        }
        return front;
    }

    /** The pool rounds up to a power of two, which doubles the size of each join, but not above its largest class. */
    private static int joinedSize(Segment front, int n) {
        Block block = front.block;
        if (n <= SizeClasses.MAX_BLOCK || block == null || block.capacity() < SizeClasses.MAX_BLOCK) {
            return n;
        }
        return Math.clamp(2L * block.capacity(), n, Integer.MAX_VALUE);
    }

    /** Moves bytes of the second segment to the first, until the first has {@code n}. */
    private void join(Segment front, int n) {
        Segment source = Misuse.present(front.next);
        int step = Math.min(n - front.length(), source.length());
        copyToEnd(front, source, step);
        behind -= step;
        if (source.length() == 0) {
            front.next = source.next;
            if (tail == source) {
                tail = front;
            }
            retire(source);
        }
    }

    // ---- leftovers

    /** Moves a small leftover out of a large block. Only while no view shows its segment. */
    final void leaveLargeBlock(Segment front) {
        Block block = front.block;
        if (block != null && block.capacity() > SMALL_BLOCK && front.length() <= block.capacity() >> 3) {
            moveOut(front);
        }
    }

    /** The leftover stays where it is if that is not possible. */
    private void moveOut(Segment front) {
        Segment small = copyInOwnBlock(front);
        if (small == null) {
            return;
        }
        small.next = front.next;
        head = small;
        if (tail == front) {
            tail = small;
        }
        front.free();
    }

    /**
     * Gives the parts of a received chain that are at most half of a block memory of their own, as far as there is
     * memory: so what is charged for a part is more than half of what it keeps, above the smallest blocks.
     *
     * @return the chain, all of it also if this fails
     */
    final @Nullable Segment inOwnBlocks(@Nullable Segment chain) {
        Segment first = chain;
        Segment before = null;
        boolean hasStack = false;
        Segment next;
        for (Segment part = chain; part != null; part = next) {
            next = part.next;
            boolean copies = keepsMuch(part) && (hasStack || hasStack());
            hasStack |= copies;
            Segment own = copies ? copyInOwnBlock(part) : null;
            if (own != null) {
                own.next = next;
                if (before == null) {
                    first = own;
                } else {
                    before.next = own;
                }
                part.free();
            }
            before = own != null ? own : part;
        }
        return first;
    }

    /** {@return whether only memory may lack from here on} */
    private static boolean hasStack() {
        try {
            StackRoom.needMuch();
            return true;
        } catch (StackOverflowError _) {
            return false;
        }
    }

    private static boolean keepsMuch(Segment part) {
        Block block = part.block;
        return block != null
                && part.counter != null
                && block.capacity() > SizeClasses.MIN_BLOCK
                && part.length() <= block.capacity() >> 1;
    }

    /** {@return a copy that has taken over the charge, or null if there is no memory} */
    private @Nullable Segment copyInOwnBlock(Segment source) {
        Segment small = null;
        try {
            small = Segment.allocate(blocks, source.length());
            copyToEnd(small, source, source.length());
            return small;
        } catch (MemoryLimitException | OutOfMemoryError | StackOverflowError _) {
            if (small != null) {
                small.free();
            }
            return null;
        }
    }

    /** Moves the first {@code n} bytes of {@code source} and their charge to the end of {@code target}. */
    private static void copyToEnd(Segment target, Segment source, int n) {
        target.put(source.memory, source.start, n);
        source.moveCharge(target, n);
        target.end += n;
        source.start += n;
    }
}
