// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.socket;

import dev.netpoll.internal.ffi.GuardedFd;
import dev.netpoll.internal.ffi.LibcEventfd;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.poll.TransportException;

/** A non-blocking eventfd with which any thread ends somebody's wait, also while that one closes it. */
public final class Wakeup extends GuardedFd {
    public Wakeup(Scratch scratch) throws TransportException {
        super(Binder.check("eventfd", LibcEventfd.eventfd(scratch)));
    }

    /** Makes it readable, once more if it is already. Any thread; does nothing once closed. */
    public void signal() {
        if (enter()) {
            Scratch borrowed = Scratch.take();
            LibcEventfd.write(borrowed, fd(), 1);
            exit(borrowed);
            borrowed.giveBack();
        }
    }
}
