// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.buffer.Reader;
import dev.netpoll.buffer.Writer;

/**
 * Answers each frame with a frame of the same payload without ever waiting: for handlers on the event loop.
 *
 * <p>It takes complete frames only, and asks to be run again when the next one is complete. A peer that does not read
 * its answers gets no more of them: the handler stops, and is run again when the output has drained.
 */
final class InlineEcho implements ConnectionHandler {
    @Override
    public void handle(Connection connection) throws Exception {
        Reader in = connection.reader();
        Writer out = connection.writer();
        while (connection.isWritable() && Frames.isNextComplete(in)) {
            Message request = Frames.read(in);
            Frames.write(out, new Message(request.body()));
            if (out.pendingBytes() >= Frames.FLUSH_BYTES) {
                out.flush();
            }
        }
        out.flush();
        if (connection.isWritable()) {
            connection.demand(Frames.bytesOfNext(in));
        }
    }
}
