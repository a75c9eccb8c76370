// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.base;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * A bounded first-in-first-out queue for one producer at a time and many consumers.
 *
 * <p><b>Threads.</b> {@link #offer} and {@link #size} the producer; {@link #poll} and {@link #isEmpty} any. The
 * producer's actions before {@code offer} happen-before the {@code poll} that returns the element. The role of the
 * producer may pass to another thread along a happens-before edge.
 *
 * <p>Positions only grow: {@code head} is the next to take, {@code tail} the next to fill, and position p lies in slot
 * p modulo the capacity.
 *
 * <ul>
 *   <li>I1 The slot of p holds element p while {@code head <= p < tail}: the producer refills a slot only after head
 *       has passed it. So a consumer that reads the slot and then moves {@code head} from p to p + 1 has got element p.
 *   <li>I2 Only the producer writes slots. It also empties those that were taken ({@code cleared} follows
 *       {@code head}), so a consumed element stays referenced at most until the next {@code offer} or {@link #clear}.
 * </ul>
 */
public final class SpmcRing<T> {
    private static final VarHandle HEAD;

    static {
        try {
            HEAD = MethodHandles.lookup().findVarHandle(SpmcRing.class, "head", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final AtomicReferenceArray<@Nullable T> slots;
    private final int mask;

    private volatile long head;
    private volatile long tail;

    /** Producer only. */
    private long cleared;

    /** Creates a ring; the capacity is a power of two. */
    public SpmcRing(int capacity) {
        if (Integer.bitCount(capacity) != 1) {
            throw new IllegalArgumentException("not a power of two: " + capacity);
        }
        slots = new AtomicReferenceArray<>(capacity);
        mask = capacity - 1;
    }

    /** <i>Producer.</i> Adds an element at the end; {@return false if there is no room} */
    public boolean offer(T element) {
        long position = tail;
        if (position - head > mask) {
            return false;
        }
        clear();
        slots.setPlain((int) position & mask, element);
        tail = position + 1;
        return true;
    }

    /** {@return the first element, or null if the queue is empty} */
    public @Nullable T poll() {
        for (; ; ) {
            long position = head;
            if (position == tail) {
                return null;
            }
            T element = slots.getPlain((int) position & mask); // I1
            if (HEAD.compareAndSet(this, position, position + 1)) {
                return element;
            }
        }
    }

    /** <i>Producer.</i> Drops references to taken elements. */
    public void clear() {
        long end = head;
        while (cleared < end) {
            slots.setPlain((int) cleared++ & mask, null);
        }
    }

    /** <i>Producer.</i> {@return how many elements wait} */
    public int size() {
        return (int) (tail - head);
    }

    /** {@return whether the queue is empty} */
    public boolean isEmpty() {
        return head == tail;
    }
}
