// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import dev.netpoll.internal.ffi.GuardedFd;
import dev.netpoll.internal.ffi.LibcEventfd;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.transport.TransportException;
import java.util.concurrent.locks.LockSupport;

/** A non-blocking eventfd with which any thread ends another thread's wait, even while that thread closes it. */
public final class Wakeup extends GuardedFd {
    private static final int MAX_TRIES = 1000;
    private static final long PAUSE_NANOS = 1_000_000;

    public Wakeup(Scratch scratch) throws TransportException {
        super(Binder.check("eventfd", LibcEventfd.eventfd(scratch)));
    }

    /**
     * Makes it readable, even if it already is. Any thread; does nothing once closed. A thread sleeps until this has
     * happened, so if the JVM has no memory for the call, it retries for a while.
     */
    public void signal() {
        for (int tries = 1; ; tries++) {
            try {
                write();
                return;
            } catch (OutOfMemoryError e) {
                if (tries == MAX_TRIES) {
                    throw e;
                }
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }

    private void write() {
        Scratch scratch = enter();
        if (scratch != null) {
            try {
                LibcEventfd.write(scratch, fd(), 1);
            } finally {
                exit(scratch);
            }
        }
    }
}
