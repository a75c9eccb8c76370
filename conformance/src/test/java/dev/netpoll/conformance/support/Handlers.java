// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.buffer.Reader;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;

/** Request handlers that work in every mode: they never read more than is there. */
public final class Handlers {
    private static final int CHUNK = 1 << 18;
    private static final ValueLayout.OfInt BIG_ENDIAN = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private Handlers() {}

    /** {@return sends back what comes} */
    public static ConnectionHandler echo() {
        return connection -> {
            Reader in = connection.reader();
            // A handler on an event loop is run again when the output has drained.
            while (in.readableBytes() > 0 && connection.isWritable()) {
                int length = (int) Math.min(in.readableBytes(), CHUNK);
                connection.writer().writeBytes(in.readBytes(length)).flush();
            }
        };
    }

    /** {@return answers each frame (4 bytes of length, payload) with a frame of what the function makes of it} */
    public static ConnectionHandler frames(UnaryOperator<byte[]> answer) {
        return connection -> {
            byte[] request = nextFrame(connection);
            while (request != null) {
                byte[] response = answer.apply(request);
                connection
                        .writer()
                        .writeInt(response.length)
                        .writeBytes(response)
                        .flush();
                request = connection.isWritable() ? nextFrame(connection) : null;
            }
        };
    }

    /** {@return the next frame's payload if it is complete, else null, having asked to be run when it is} */
    public static byte[] nextFrame(Connection connection) throws Exception {
        Reader in = connection.reader();
        if (in.readableBytes() < Integer.BYTES) {
            return null;
        }
        int length = in.peek(Integer.BYTES).get(BIG_ENDIAN, 0);
        if (in.readableBytes() < Integer.BYTES + (long) length) {
            connection.demand(Integer.BYTES + length);
            return null;
        }
        in.skip(Integer.BYTES);
        return in.readBytes(length);
    }

    /** {@return drops what comes} */
    public static ConnectionHandler discard() {
        return connection -> connection.reader().skip(connection.reader().readableBytes());
    }

    /** {@return drops what comes and counts it} */
    public static ConnectionHandler count(AtomicLong received) {
        return connection -> {
            // More may come in between, so the number is taken once.
            long readable = connection.reader().readableBytes();
            connection.reader().skip(readable);
            received.addAndGet(readable);
        };
    }

    /** {@return touches nothing} */
    public static ConnectionHandler ignore() {
        return connection -> {};
    }

    /** {@return all bytes that are there, as text} */
    public static String takeText(Connection connection) throws Exception {
        int length = (int) connection.reader().readableBytes();
        return new String(connection.reader().readBytes(length), StandardCharsets.UTF_8);
    }
}
