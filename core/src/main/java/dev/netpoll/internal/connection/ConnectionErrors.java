// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.ConnectionClosedException;
import dev.netpoll.ConnectionException;
import dev.netpoll.ConnectionResetException;
import dev.netpoll.FrameTooLargeException;
import dev.netpoll.OutputCutException;
import dev.netpoll.PeerClosedException;
import dev.netpoll.ReadTimeoutException;
import dev.netpoll.WriteTimeoutException;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.SocketException;

/** Creates the exceptions of a connection. Only here does a state or an error number become a public type. */
final class ConnectionErrors {
    private static final String CLOSED = "the connection was closed here";

    private ConnectionErrors() {}

    static ConnectionClosedException closed(Link c, String operation) {
        return new ConnectionClosedException(
                c.endReason() == EndReason.NONE ? CLOSED : CLOSED + ": " + c.endReason().text,
                operation,
                c.localAddress(),
                c.remoteAddress(),
                c.errno() != 0 && c.endReason() == EndReason.ofFailure(c.errno()) ? Errno.name(c.errno()) : null);
    }

    /** A socket option could not be read or set. */
    static IOException option(Link c, String operation, TransportException failure) {
        if (failure.errno() == Errno.EBADF) {
            return c.has(ConnectionState.BROKEN) ? broken(c, operation, 0) : closed(c, operation);
        }
        SocketException refused = new SocketException(operation + ": " + Errno.describe(failure.errno()));
        refused.initCause(failure);
        return refused;
    }

    static PeerClosedException peerClosed(Link c, long wanted, long readable) {
        return new PeerClosedException(
                "the peer finished sending after " + readable + " of the " + wanted + " bytes asked for",
                "read",
                c.localAddress(),
                c.remoteAddress(),
                null);
    }

    static ConnectionException broken(Link c, String operation, long bytesSent) {
        return broken(c, operation, c.errno(), bytesSent);
    }

    static ConnectionException broken(Link c, String operation, int errno, long bytesSent) {
        return new ConnectionResetException(
                Errno.describe(errno), operation, c.localAddress(), c.remoteAddress(), Errno.name(errno), bytesSent);
    }

    static ReadTimeoutException readTimeout(Link c, long wanted, long readable, long nanos) {
        return new ReadTimeoutException(
                "only " + readable + " of the " + wanted + " bytes asked for came in " + nanos / 1_000_000 + " ms",
                "read",
                c.localAddress(),
                c.remoteAddress(),
                null);
    }

    static WriteTimeoutException deadlinePassed(Link c, long bytes) {
        return new WriteTimeoutException(
                "the deadline had passed before " + bytes + " bytes were flushed",
                "write",
                c.localAddress(),
                c.remoteAddress(),
                null,
                0);
    }

    static WriteTimeoutException writeTimeout(Link c, long sent, long bytes) {
        return new WriteTimeoutException(
                "the peer took only " + sent + " of " + bytes + " bytes in time",
                "write",
                c.localAddress(),
                c.remoteAddress(),
                null,
                sent);
    }

    static OutputCutException cut(Link c, String operation) {
        return new OutputCutException(
                "nothing can follow, since " + c.endReason().text + "; close the connection",
                operation,
                c.localAddress(),
                c.remoteAddress(),
                null);
    }

    static OutputCutException unfinished(Link c, String operation) {
        return new OutputCutException(
                "not inside a write of the channel that was given up: write its rest first, or close the connection",
                operation,
                c.localAddress(),
                c.remoteAddress(),
                null);
    }

    static ConnectionClosedException outputShut(Link c) {
        return new ConnectionClosedException(
                "shutdownOutput() was called", "write", c.localAddress(), c.remoteAddress(), null);
    }

    static FrameTooLargeException tooLarge(Link c, long bytes) {
        return new FrameTooLargeException(
                bytes + " bytes at once are more than maxFrameLength "
                        + c.config().options().maxFrameLength(),
                "read",
                c.localAddress(),
                c.remoteAddress(),
                null);
    }

    static FrameTooLargeException refused(Link c, String why) {
        return new FrameTooLargeException(why, "read", c.localAddress(), c.remoteAddress(), null);
    }

    static IllegalStateException lentMemoryIsGone() {
        return new IllegalStateException(
                "memory given to writeDirect was closed, or its file truncated, before it was sent");
    }

    static IllegalStateException keeps(long bytes, long most) {
        return new IllegalStateException("views and slices of this connection hold " + bytes
                + " bytes, and inboundHighMark and maxFrameLength allow " + most
                + " together: release() the reader between messages, and close() slices");
    }

    static IllegalStateException wouldBlock(String what, String instead) {
        return new IllegalStateException(
                what + " would block the event loop; use Dispatch.adaptive() or virtual() for handlers that wait, or "
                        + instead);
    }
}
