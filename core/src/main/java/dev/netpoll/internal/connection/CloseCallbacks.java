// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.ConnectionHandler;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * The close callbacks of a connection: a stack that is taken once. Any thread. A callback is either on the stack that
 * {@link #take} returns, or {@link #add} refuses it: none is lost and none runs twice.
 */
final class CloseCallbacks {
    /** One callback and those added before it. */
    record Entry(ConnectionHandler callback, @Nullable Entry next) {}

    private static final Entry TAKEN = new Entry(connection -> {}, null);
    private static final VarHandle TOP;

    static {
        try {
            TOP = MethodHandles.lookup().findVarHandle(CloseCallbacks.class, "top", Entry.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private volatile @Nullable Entry top;

    /** Adds a callback; {@return whether it will be run, false if the stack was taken already} */
    boolean add(ConnectionHandler callback) {
        for (; ; ) {
            Entry current = top;
            if (current == TAKEN) {
                return false;
            }
            if (TOP.compareAndSet(this, current, new Entry(callback, current))) {
                return true;
            }
        }
    }

    /** Takes the callbacks, the last added first; to be called once. */
    @Nullable
    Entry take() {
        return (Entry) TOP.getAndSet(this, TAKEN);
    }
}
