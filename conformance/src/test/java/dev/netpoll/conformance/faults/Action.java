// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

/** What is done while a fault strikes. */
public enum Action {
    /** A dial. */
    CONNECT,
    /** A connection comes in and sends its first request. */
    ACCEPT,
    /** A connection comes in, sends a request and ends, and the server has a callback for all of it. */
    CALLBACKS,
    /** A request on a connection that was accepted before. */
    REQUEST,
    /** A request with an answer so large that its flush must wait. */
    LARGE_ANSWER,
    /** A flush that the kernel takes at once. */
    FLUSH,
    /** A flush that has to wait for the peer. */
    LARGE_FLUSH,
    /** A read that waits in vain for a while, and another one that gets its bytes. */
    READ_TIMEOUT,
    /** The end of the output, while the input goes on. */
    HALF_CLOSE,
    /** The peer ends its output right after a request. */
    PEER_HALF_CLOSE,
    /** A dialed connection's socket is taken out and adopted again. */
    DETACH,
    /** A handler takes the socket out, somebody else adopts it. */
    HANDLER_DETACH,
    /** A handler wants to take the socket out while its answer waits for the peer. */
    EARLY_DETACH,
    /** A dialed connection is closed. */
    CLOSE,
    /** A handler closes. */
    HANDLER_CLOSE,
    /** The peer resets the connection. */
    PEER_RESET,
    /** A dialed connection is aborted. */
    ABORT,
    /** A server with idle connections is shut down. */
    SHUTDOWN,
    /** A group with connections is closed. */
    GROUP_CLOSE
}
