// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import dev.netpoll.ConnectFailedException;
import dev.netpoll.ConnectionException;
import dev.netpoll.ConnectionResetException;
import dev.netpoll.internal.transport.Errno;
import java.util.Locale;
import java.util.Set;

/**
 * An operating system's error for a dial, a send or a receive. A failed dial is a {@link ConnectFailedException}, a
 * failed send or receive a {@link ConnectionResetException}; {@link ConnectionException#errno()} of both is {@link
 * #errno()}.
 *
 * @since 0.1
 */
public enum NetworkError {
    /** Nobody listens there. Dials only. */
    REFUSED(Errno.ECONNREFUSED, Kind.DIAL),

    /** The peer reset the connection. Dials, sends and receives. */
    RESET(Errno.ECONNRESET, Kind.DIAL, Kind.SEND, Kind.RECEIVE),

    /** The peer's machine did not answer for too long. Dials, sends and receives. */
    TIMED_OUT(Errno.ETIMEDOUT, Kind.DIAL, Kind.SEND, Kind.RECEIVE),

    /** No route leads to the machine. Dials, sends and receives. */
    HOST_UNREACHABLE(Errno.EHOSTUNREACH, Kind.DIAL, Kind.SEND, Kind.RECEIVE),

    /** No route leads to the network. Dials, sends and receives. */
    NETWORK_UNREACHABLE(Errno.ENETUNREACH, Kind.DIAL, Kind.SEND, Kind.RECEIVE),

    /** The peer reads nothing any more. Sends only. */
    BROKEN_PIPE(Errno.EPIPE, Kind.SEND),

    /**
     * The system has no memory for the bytes just now. Sends only. The flush fails, and nothing of it was sent; the
     * connection stays usable.
     */
    NO_BUFFERS(Errno.ENOBUFS, Kind.SEND);

    /** What can fail. */
    enum Kind {
        DIAL,
        SEND,
        RECEIVE
    }

    private final int number;

    @SuppressWarnings("ImmutableEnumChecker") // Set.of is immutable
    private final Set<Kind> kinds;

    NetworkError(int number, Kind... kinds) {
        this.number = number;
        this.kinds = Set.of(kinds);
    }

    /** {@return the system's name of the error, such as {@code ECONNREFUSED}} */
    public String errno() {
        return Errno.name(number);
    }

    /** {@return the error number, if such an operation can fail with it} */
    int number(Kind kind) {
        if (!kinds.contains(kind)) {
            throw new IllegalArgumentException(
                    this + " is no error of a " + kind.name().toLowerCase(Locale.ROOT));
        }
        return number;
    }
}
