// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.buffer.Reader;
import dev.netpoll.buffer.Writer;

/**
 * Answers each frame with a frame of the same payload, in plain blocking style: for threads that may block.
 *
 * <p>Answers to frames that arrived together share a flush. Before it waits for the rest of a frame it flushes, because
 * the peer may send no more until it has seen its answers.
 */
final class BlockingEcho implements ConnectionHandler {
    private final Work work;
    private final int flushBytes;

    /** Answers at once. */
    BlockingEcho() {
        work = request -> {};
        flushBytes = Frames.FLUSH_BYTES;
    }

    /** Does the work before each answer. The work may block, so that no answer waits for a later one. */
    BlockingEcho(Work work) {
        this.work = work;
        flushBytes = 0;
    }

    @Override
    public void handle(Connection connection) throws Exception {
        Reader in = connection.reader();
        Writer out = connection.writer();
        do {
            Message request = Frames.read(in);
            work.perform(request);
            Frames.write(out, new Message(request.body()));
            if (out.pendingBytes() >= flushBytes || !Frames.isNextComplete(in)) {
                // The look at a header keeps its memory until the release, and a run may be long.
                in.release();
                out.flush();
            }
        } while (in.readableBytes() > 0);
    }

    /** Stands for what a real service does with a request. */
    @FunctionalInterface
    interface Work {
        /** Works on the request; may block. */
        void perform(Message request) throws Exception;
    }
}
