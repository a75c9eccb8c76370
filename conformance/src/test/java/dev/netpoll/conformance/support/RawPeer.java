// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.OptionalLong;

/** The other end of a connection, made of a JDK channel, so that the library is not tested against itself. */
public final class RawPeer implements AutoCloseable {
    private static final int CHUNK = 1 << 16;

    private final SocketChannel channel;

    RawPeer(SocketChannel channel) throws IOException {
        this.channel = channel;
        channel.configureBlocking(false);
        if (channel.supportedOptions().contains(StandardSocketOptions.TCP_NODELAY)) {
            // What a test sends in pieces comes in pieces, and at once.
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        }
    }

    /** Connects to an address, with receive and send buffers of this size, or the system's if it is 0. */
    static RawPeer connect(SocketAddress address, int bufferBytes) throws IOException {
        SocketChannel channel = address instanceof UnixDomainSocketAddress
                ? SocketChannel.open(StandardProtocolFamily.UNIX)
                : SocketChannel.open();
        try {
            if (bufferBytes > 0) {
                channel.setOption(StandardSocketOptions.SO_RCVBUF, bufferBytes);
                channel.setOption(StandardSocketOptions.SO_SNDBUF, bufferBytes);
            }
            channel.connect(address);
            return new RawPeer(channel);
        } catch (IOException | RuntimeException failure) {
            channel.close();
            throw failure;
        }
    }

    /** {@return the channel, non-blocking} */
    public SocketChannel channel() {
        return channel;
    }

    /** {@return our address} */
    public SocketAddress localAddress() throws IOException {
        return channel.getLocalAddress();
    }

    /** Sends everything; fails if the other side takes too long to read it. */
    public RawPeer send(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            Await.until("the peer reads on", () -> channel.write(buffer) > 0 || !buffer.hasRemaining());
        }
        return this;
    }

    /** Sends a text. */
    public RawPeer send(String text) {
        return send(text.getBytes(StandardCharsets.UTF_8));
    }

    /** {@return how many of these bytes the kernel takes without waiting} */
    public int trySend(byte[] bytes) throws IOException {
        return channel.write(ByteBuffer.wrap(bytes));
    }

    /** {@return how many bytes could be sent until nobody took any more for a while} */
    public long sendUntilStuck(Duration quiet, long limit) {
        ByteBuffer chunk = ByteBuffer.allocate(CHUNK);
        long[] sent = {0};
        while (sent[0] < limit
                && Await.within(quiet, () -> {
                    int n = channel.write(chunk.clear());
                    sent[0] += n;
                    return n > 0;
                })) {
            // Goes on as long as bytes are taken.
        }
        return sent[0];
    }

    /** {@return exactly this many bytes} */
    public byte[] receive(int length) {
        ByteBuffer buffer = ByteBuffer.allocate(length);
        while (buffer.hasRemaining()) {
            Await.until("bytes come, " + buffer.remaining() + " of " + length + " are missing", () -> {
                int n = channel.read(buffer);
                if (n < 0) {
                    throw new AssertionError("the stream ended; " + buffer.remaining() + " of " + length + " missing");
                }
                return n > 0;
            });
        }
        return buffer.array();
    }

    /** {@return a text of this many bytes} */
    public String receiveText(int length) {
        return new String(receive(length), StandardCharsets.UTF_8);
    }

    /** {@return what is there now, perhaps nothing} */
    public byte[] receiveNow(int limit) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(limit);
        channel.read(buffer);
        return Arrays.copyOf(buffer.array(), buffer.position());
    }

    /** {@return how many bytes came before the stream ended} Fails on a reset. */
    public long drain() {
        ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
        long[] total = {0};
        boolean[] ended = {false};
        while (!ended[0]) {
            Await.until("more bytes or the end come after " + total[0], () -> {
                int n = channel.read(buffer.clear());
                ended[0] = n < 0;
                total[0] += Math.max(n, 0);
                return n != 0;
            });
        }
        return total[0];
    }

    /** {@return how many bytes came before the stream ended in order, or nothing if it was reset} */
    public OptionalLong drainOrReset() {
        try {
            return OptionalLong.of(drain());
        } catch (AssertionError failure) {
            if (failure.getCause() instanceof IOException) {
                return OptionalLong.empty();
            }
            throw failure;
        }
    }

    /** Waits for the end of the stream, or a reset where closing with unread bytes causes one. */
    public End awaitEnd() {
        return drainOrReset().isPresent() ? End.FINISHED : End.RESET;
    }

    /** {@return whether the other side has ended, as far as a look shows; bytes that come are dropped} */
    public boolean sawEnd() {
        try {
            return channel.read(ByteBuffer.allocate(CHUNK)) < 0;
        } catch (IOException reset) {
            return true;
        }
    }

    /** Sends the end of the stream; receiving goes on. */
    public RawPeer finish() throws IOException {
        channel.shutdownOutput();
        return this;
    }

    /**
     * Closes so that the other side sees a reset. On a Unix socket the kernel sends one only if bytes are left unread
     * here: the test arranges that.
     */
    public void reset() throws IOException {
        if (!(channel.getRemoteAddress() instanceof UnixDomainSocketAddress)) {
            channel.setOption(StandardSocketOptions.SO_LINGER, 0);
        }
        channel.close();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    /** How a stream ended. */
    public enum End {
        FINISHED,
        RESET
    }
}
