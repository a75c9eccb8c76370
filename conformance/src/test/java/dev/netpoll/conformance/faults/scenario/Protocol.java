// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults.scenario;

import dev.netpoll.Connection;
import dev.netpoll.buffer.Reader;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;

/** Requests of 16 bytes and what the server does about them, in every dispatch. */
final class Protocol {
    static final int LENGTH = 16;
    static final int ECHO = 1;
    static final int LARGE = 2;
    static final int CLOSE = 3;
    static final int DETACH = 4;
    static final int EARLY_DETACH = 5;

    private final Stage stage;

    Protocol(Stage stage) {
        this.stage = stage;
    }

    static byte[] request(int what, int argument) {
        return ByteBuffer.allocate(LENGTH)
                .putInt(what)
                .putInt(argument)
                .putLong(0x0102030405060708L)
                .array();
    }

    /** {@return what a large answer consists of} */
    static byte[] content(int length) {
        byte[] content = new byte[length];
        for (int i = 0; i < length; i++) {
            content[i] = (byte) (31 * i + (i >> 8));
        }
        return content;
    }

    /** The request handler. */
    void handle(Connection connection) throws IOException {
        stage.handling.incrementAndGet();
        try {
            answer(connection);
        } finally {
            stage.handling.decrementAndGet();
        }
    }

    private void answer(Connection connection) throws IOException {
        Reader in = connection.reader();
        while (in.readableBytes() >= LENGTH) {
            int what = in.readInt();
            int argument = in.readInt();
            in.skip(LENGTH - 2 * Integer.BYTES);
            switch (what) {
                case ECHO ->
                    connection.writer().writeBytes(request(ECHO, argument)).flush();
                case LARGE -> connection.writer().writeBytes(content(argument)).flush();
                case CLOSE -> {
                    connection.close();
                    return;
                }
                case DETACH -> {
                    detach(connection);
                    return;
                }
                case EARLY_DETACH -> {
                    connection.setOption(StandardSocketOptions.SO_SNDBUF, Stage.SMALL_BUFFER);
                    connection.writer().writeBytes(content(argument)).flush();
                    try {
                        detach(connection);
                    } catch (IllegalStateException outputOnItsWay) {
                        // as on an event loop, which cannot wait for it
                    }
                    return;
                }
                default -> throw new AssertionError("foreign bytes: " + what);
            }
        }
        if (in.readableBytes() > 0) {
            connection.demand(LENGTH);
        }
    }

    private void detach(Connection connection) throws IOException {
        try {
            stage.detached.add(connection.detach());
        } finally {
            stage.detachEnded = true;
        }
    }
}
