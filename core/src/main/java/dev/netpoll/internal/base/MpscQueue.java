// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.base;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * An unbounded first-in-first-out queue for many producers and one consumer at a time.
 *
 * <p><b>Threads.</b> {@link #offer} any thread, wait-free; {@link #poll} and {@link #isEmpty} the consumer. A
 * producer's actions before {@code offer} happen-before the {@code poll} that returns the element.
 *
 * <p>Vyukov's linked queue: {@code head} is the consumed dummy node, {@code tail} the node added last. A producer first
 * swings {@code tail} to its node, then links the previous node to it. Between the two steps the chain is cut.
 *
 * <ul>
 *   <li>I1 {@code poll} returns null only if the elements of all completed {@code offer}s are consumed: it spins over a
 *       cut.
 *   <li>I2 {@code isEmpty} is false from the moment {@code tail} is swung.
 * </ul>
 */
public final class MpscQueue<T> {
    private static final VarHandle TAIL;
    private static final VarHandle NEXT;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            TAIL = lookup.findVarHandle(MpscQueue.class, "tail", Node.class);
            NEXT = lookup.findVarHandle(Node.class, "next", Node.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private static final class Node<T> {
        @Nullable
        T value;

        volatile @Nullable Node<T> next;

        Node(@Nullable T value) {
            this.value = value;
        }
    }

    private Node<T> head = new Node<>(null);

    private volatile Node<T> tail = head;

    /** Adds an element at the end. */
    public void offer(T value) {
        Node<T> node = new Node<>(value);
        @SuppressWarnings("unchecked")
        Node<T> previous = (Node<T>) TAIL.getAndSet(this, node);
        NEXT.setRelease(previous, node);
    }

    /** {@return the first element, or null if the queue is empty} */
    public @Nullable T poll() {
        Node<T> first = head.next;
        if (first == null) {
            if (head == tail) {
                return null;
            }
            do { // a producer is between its two steps
                Thread.onSpinWait();
                first = head.next;
            } while (first == null);
        }
        T value = first.value;
        first.value = null;
        head = first;
        return value;
    }

    /** {@return whether nothing is queued} */
    public boolean isEmpty() {
        return head == tail;
    }
}
