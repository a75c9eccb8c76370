// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import java.io.EOFException;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/**
 * The JDK's {@link SocketChannel} in blocking mode with a direct buffer for each connection, which spares the copies of
 * streams. It knows no time-outs: {@link ClientRun} closes what takes too long.
 */
final class ChannelClient implements Client {
    private static final int BUFFER_BYTES = 16 << 10;
    private static final int BUFFER_BYTES_MAX = 256 << 10;

    private final SocketAddress address;

    ChannelClient(SocketAddress address) {
        this.address = address;
    }

    @Override
    public Call connect() throws IOException {
        SocketChannel channel = SocketChannel.open();
        try {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.connect(address);
            return new ChannelCall(channel);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    @Override
    public void close() {
        // Channels share nothing.
    }

    private static final class ChannelCall implements Call {
        private final SocketChannel channel;
        private ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);

        ChannelCall(SocketChannel channel) {
            this.channel = channel;
        }

        @Override
        public int call(byte[] request, byte[] answer) throws IOException {
            send(request);
            buffer.clear();
            while (buffer.position() < Wire.HEADER_BYTES) {
                receive();
            }
            buffer.flip();
            int length = Client.checkLength(buffer.getInt(), answer);
            int at = 0;
            while (true) {
                int piece = Math.min(buffer.remaining(), length - at);
                buffer.get(answer, at, piece);
                at += piece;
                if (at == length) {
                    break;
                }
                buffer.clear();
                receive();
                buffer.flip();
            }
            if (buffer.hasRemaining()) {
                throw new WrongAnswerException("wrong answer: bytes that nobody asked for");
            }
            return length;
        }

        private void send(byte[] request) throws IOException {
            int size = Math.min(Wire.HEADER_BYTES + request.length, BUFFER_BYTES_MAX);
            if (size > buffer.capacity()) {
                buffer = ByteBuffer.allocateDirect(size);
            }
            buffer.clear();
            buffer.putInt(request.length);
            int at = 0;
            do {
                int piece = Math.min(buffer.remaining(), request.length - at);
                buffer.put(request, at, piece);
                at += piece;
                buffer.flip();
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
                buffer.clear();
            } while (at < request.length);
        }

        private void receive() throws IOException {
            if (channel.read(buffer) < 0) {
                throw new EOFException("the server closed a connection");
            }
        }

        @Override
        public void close() {
            try {
                channel.close();
            } catch (IOException _) {
                // It is closed all the same.
            }
        }
    }
}
