// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

/**
 * Code that is run for a connection: the callbacks of a {@link Server}, a request handler, a close callback.
 *
 * <p>Order on one connection: onPrepare → onConnect → onRequest, any number of times, one at a time → close callbacks.
 * onDisconnect comes once after onConnect and before the close callbacks when the peer finished or was lost, and may
 * run at the same time as onRequest, so that it can cancel it, and before what the peer sent last was handled. Who
 * wants the end in its place, behind the bytes, reads on in one run until {@link dev.netpoll.buffer.Reader#read}
 * returns -1.
 */
@FunctionalInterface
public interface ConnectionHandler {
    /**
     * Handles the connection. Bytes that it wrote and did not flush are flushed when it returns, and dropped if it
     * throws. Whatever it throws, errors included, closes this connection, is reported once to the {@link
     * ErrorHandler}, and hurts nothing else. What was flushed before is sent, and then the end of the stream: {@link
     * Connection#abort} first if the peer could take that for the whole answer.
     *
     * @throws Exception if the connection cannot be served any longer
     */
    void handle(Connection connection) throws Exception;
}
