// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.transport.Errno;

/**
 * Why a connection was closed, or its output cut; later exceptions quote the text. The constants exist before the first
 * connection, so naming a reason allocates nothing; the first use of a string literal would.
 */
enum EndReason {
    NONE(""),
    CALLBACK_FAILED("a callback failed"),
    CONNECT_FAILED("the connect failed"),
    DETACHING_FAILED("detaching failed"),
    FLUSH_INTERRUPTED("a flush was interrupted in the middle of its bytes"),
    FLUSH_TIMED_OUT("a flush timed out in the middle of its bytes"),
    FRAME_REFUSED("the length of a frame is not allowed"),
    IDLE_TIMEOUT("idle time-out"),
    INTERNAL_ERROR("internal error"),
    LOOP_ENDED("the event loop ended"),
    MEMORY_HELD("its peer is slow, and what it has sent of a message took memory that others need"),
    OPTION_REFUSED("a socket option cannot be set"),
    PEER_FINISHED("its peer had finished, and its handler had nothing left to do"),
    PEER_LOST("its peer reset it, or is gone without saying so"),
    REFUSED("the executor rejected a callback"),
    SEND_FAILED("a send failed in the middle of a flush"),
    SHUTDOWN("its server shut down"),
    SOCKET_FAILED("its socket failed"),
    WRECKED("an Error struck inside an earlier flush or write"),
    WRITE_TIMEOUT("write time-out, the peer does not read");

    final String text;

    EndReason(String text) {
        this.text = text;
    }

    /** {@return the reason of a connection that closes as its socket failed with {@code errno}} */
    static EndReason ofFailure(int errno) {
        boolean ours = errno == Errno.EIO || errno == Errno.ENOMEM || errno == Errno.ENOBUFS;
        return ours ? SOCKET_FAILED : PEER_LOST;
    }
}
