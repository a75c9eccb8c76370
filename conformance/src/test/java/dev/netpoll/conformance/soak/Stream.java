// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.soak;

import dev.netpoll.Connection;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/** The peer's end of a connection, in blocking style. One thread writes, one reads, any closes. */
interface Stream extends AutoCloseable {
    /** Sends all of it. */
    void send(byte[] bytes, int offset, int length) throws IOException;

    /** Receives exactly this much. */
    void receive(byte[] bytes, int length) throws IOException;

    /** {@return whether the next thing is the end of the stream} */
    boolean isAtEnd() throws IOException;

    void finish() throws IOException;

    void reset() throws IOException;

    @Override
    void close() throws IOException;

    /** {@return a plain JDK channel} */
    static Stream connect(SocketAddress address) throws IOException {
        boolean unix = address instanceof UnixDomainSocketAddress;
        SocketChannel channel = unix ? SocketChannel.open(StandardProtocolFamily.UNIX) : SocketChannel.open();
        try {
            channel.connect(address);
        } catch (IOException failure) {
            channel.close();
            throw failure;
        }
        return new OfChannel(channel, unix);
    }

    /** A JDK channel. On a Unix socket closing with unread bytes is all there is of a reset. */
    record OfChannel(SocketChannel channel, boolean unix) implements Stream {
        @Override
        public void send(byte[] bytes, int offset, int length) throws IOException {
            ByteBuffer buffer = ByteBuffer.wrap(bytes, offset, length);
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
        }

        @Override
        public void receive(byte[] bytes, int length) throws IOException {
            ByteBuffer buffer = ByteBuffer.wrap(bytes, 0, length);
            while (buffer.hasRemaining()) {
                if (channel.read(buffer) < 0) {
                    throw new EOFException(buffer.remaining() + " of " + length + " bytes are missing");
                }
            }
        }

        @Override
        public boolean isAtEnd() throws IOException {
            return channel.read(ByteBuffer.allocate(1)) < 0;
        }

        @Override
        public void finish() throws IOException {
            channel.shutdownOutput();
        }

        @Override
        public void reset() throws IOException {
            if (!unix) {
                channel.setOption(StandardSocketOptions.SO_LINGER, 0);
            }
            channel.close();
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }

    /** A connection of the library. */
    record OfConnection(Connection connection) implements Stream {
        @Override
        public void send(byte[] bytes, int offset, int length) throws IOException {
            connection.writer().writeBytes(bytes, offset, length).flush();
        }

        @Override
        public void receive(byte[] bytes, int length) throws IOException {
            connection.reader().readBytes(bytes, 0, length);
            connection.reader().release();
        }

        @Override
        public boolean isAtEnd() throws IOException {
            return connection.reader().read(new byte[1], 0, 1) < 0;
        }

        @Override
        public void finish() throws IOException {
            connection.shutdownOutput();
        }

        @Override
        public void reset() {
            Trouble.insist(connection::abort);
        }

        @Override
        public void close() {
            Trouble.insist(connection::close);
        }
    }
}
