// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.BROKEN;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.CUT;

import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.transport.Errno;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.concurrent.locks.LockSupport;

/** Lets a flush wait until its bytes are sent. A wait that fails takes the unsent bytes back from the loop. */
abstract class FlushWait extends KeptAnswers {
    FlushWait(Link link) {
        super(link);
    }

    /**
     * Waits until the bytes of a flush are sent.
     *
     * @param from the stream position of the first of them
     * @param to the stream position behind the last of them
     */
    final void waitSent(long from, long to) throws IOException {
        long begin = System.nanoTime();
        beginWait();
        try {
            while (sent() < to) {
                checkStillSending(from);
                if (!await(begin)) {
                    timedOut(from, to);
                    return;
                }
            }
        } catch (InterruptedIOException e) {
            e.bytesTransferred = (int) Math.min(takeBack(from, EndReason.FLUSH_INTERRUPTED), Integer.MAX_VALUE);
            throw e;
        } finally {
            endWait();
        }
    }

    private void checkStillSending(long from) throws IOException {
        int state = link.state();
        if ((state & (BROKEN | CUT)) != 0 && link.errno() == Errno.EFAULT) {
            throw ConnectionErrors.lentMemoryIsGone();
        }
        if ((state & CLOSING) != 0) {
            throw ConnectionErrors.closed(link, "write");
        }
        if ((state & (BROKEN | CLOSED)) != 0) {
            throw ConnectionErrors.broken(link, "write", Math.max(0, sent() - from));
        }
        if ((state & CUT) != 0) {
            throw ConnectionErrors.cut(link, "write");
        }
    }

    private void timedOut(long from, long to) throws IOException {
        long taken = takeBack(from, EndReason.FLUSH_TIMED_OUT);
        if (taken == to - from) {
            return;
        }
        throw ConnectionErrors.writeTimeout(link, taken, to - from);
    }

    /**
     * Takes the unsent bytes of a flush back from the loop, which drops them, and cuts the stream if it must; {@return
     * how many of the flush were sent}
     */
    private long takeBack(long from, EndReason why) {
        boolean interrupted = Thread.interrupted();
        startWithdrawing(why);
        EventLoop.beforeBlocking();
        while (isWithdrawing() && !link.has(CLOSED)) {
            LockSupport.park(this);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return Math.max(0, sent() - from);
    }

    /**
     * Waits until the loop has sent what handlers left to it. Drops nothing if that takes too long.
     *
     * @throws dev.netpoll.WriteTimeoutException if the peer does not take it in time
     */
    final void awaitLeft() throws IOException {
        hurry();
        long begin = System.nanoTime();
        if (hasKeptItsPromise()) {
            return;
        }
        beginWait();
        try {
            while (!hasKeptItsPromise()) {
                checkStillSending(sent());
                if (!await(begin)) {
                    throw ConnectionErrors.writeTimeout(link, 0, unsent());
                }
            }
        } finally {
            endWait();
        }
    }
}
