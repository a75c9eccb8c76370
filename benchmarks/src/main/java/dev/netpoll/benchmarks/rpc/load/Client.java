// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import java.io.IOException;

/** A client under test: what makes connections. Any thread. */
interface Client extends AutoCloseable {
    /** Connects and waits for it; called on a virtual thread. */
    Call connect() throws IOException;

    @Override
    void close();

    /** A connection. One thread at a time calls; {@link #close} is for any thread and ends a call that waits. */
    interface Call extends AutoCloseable {
        /**
         * Sends the request as a frame and waits for the answer.
         *
         * @param answer receives the payload of the answer
         * @return its length
         * @throws IOException if the connection fails, the answer is longer than {@code answer}, or takes too long;
         *     then the connection is of no use any more
         */
        int call(byte[] request, byte[] answer) throws IOException;

        @Override
        void close();
    }

    /** {@return the length of an answer, if it fits} */
    static int checkLength(int length, byte[] answer) throws IOException {
        if (length < 0 || length > answer.length) {
            throw new WrongAnswerException("wrong answer: a frame of " + length + " bytes");
        }
        return length;
    }

    /** The server sent what it was not asked for. */
    final class WrongAnswerException extends IOException {
        private static final long serialVersionUID = 1;

        WrongAnswerException(String message) {
            super(message);
        }
    }
}
