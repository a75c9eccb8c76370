// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

/**
 * Code that runs for a connection: the callbacks of a {@link Server}, a request handler, a close callback.
 *
 * <p>Order on one connection: onPrepare → onConnect → onRequest, any number of times, one at a time → onInputEnd, if
 * the peer finished → close callbacks. onDisconnect comes once when the peer finished or was lost, after onConnect and
 * before the close callbacks. It may run at the same time as onRequest, so that it can cancel it, and before the last
 * bytes of the peer were handled.
 *
 * @since 0.1
 */
@FunctionalInterface
public interface ConnectionHandler {
    /**
     * Handles the connection. When it returns, the library flushes the bytes that it wrote and did not flush; when it
     * throws, the library drops them. Any exception or error closes this connection, goes once to the {@link
     * ErrorHandler}, and affects nothing else. Bytes flushed before are sent, and then the end of the stream: call
     * {@link Connection#abort} first if the peer could take those bytes for the whole answer.
     *
     * @throws Exception if the connection cannot be served any longer
     */
    void handle(Connection connection) throws Exception;
}
