// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import dev.netpoll.Backend;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringBufferRingConfig;
import io.netty.channel.uring.IoUringFixedBufferRingAllocator;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringIoHandlerConfig;
import io.netty.channel.uring.IoUringSocketChannel;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The clients under test. */
public final class ClientPeers {
    private static final String NATIVE = "--enable-native-access=ALL-UNNAMED";
    private static final String UNSAFE = "--sun-misc-unsafe-memory-access=allow";

    private static final List<Peer> PEERS = List.of(
            new Peer(
                    "netpoll",
                    "Netpoll, callers on virtual threads",
                    List.of(NATIVE),
                    (address, timeout) -> new NetpollClient(address, timeout, Backend.AUTO)),
            new Peer(
                    "netpoll-uring",
                    "Netpoll on io_uring, callers on virtual threads",
                    List.of(NATIVE),
                    (address, timeout) -> new NetpollClient(address, timeout, Backend.IO_URING)),
            new Peer(
                    "netty-epoll-virtual",
                    "Netty on epoll, callers on virtual threads park for the answer",
                    List.of(NATIVE, UNSAFE),
                    (address, timeout) ->
                            new NettyClient(address, timeout, EpollIoHandler.newFactory(), EpollSocketChannel.class)),
            new Peer(
                    "netty-uring-virtual",
                    "Netty on io_uring, callers on virtual threads park for the answer",
                    List.of(NATIVE, UNSAFE),
                    (address, timeout) -> new NettyClient(address, timeout, rings(), IoUringSocketChannel.class)),
            new Peer(
                    "netty-nio-virtual",
                    "Netty on NIO, callers on virtual threads park for the answer",
                    List.of(NATIVE, UNSAFE),
                    (address, timeout) ->
                            new NettyClient(address, timeout, NioIoHandler.newFactory(), NioSocketChannel.class)),
            new Peer(
                    "jdk-virtual",
                    "java.net.Socket, buffered streams, callers on virtual threads",
                    List.of(),
                    SocketClient::new),
            new Peer(
                    "jdk-nio-virtual",
                    "SocketChannel in blocking mode, direct buffers, callers on virtual threads",
                    List.of(),
                    (address, _) -> new ChannelClient(address)));

    private static final short BUFFERS = 256;
    private static final int BUFFER_BYTES = 16 << 10;

    private ClientPeers() {}

    /** Rings with buffers that the kernel fills, where it can. */
    private static IoHandlerFactory rings() {
        IoUringIoHandlerConfig config = new IoUringIoHandlerConfig();
        if (IoUring.isRegisterBufferRingSupported()) {
            config.setBufferRingConfig(IoUringBufferRingConfig.builder()
                    .bufferGroupId(NettyClient.BUFFER_GROUP)
                    .bufferRingSize(BUFFERS)
                    .batchSize(BUFFERS / 2)
                    .allocator(new IoUringFixedBufferRingAllocator(ByteBufAllocator.DEFAULT, BUFFER_BYTES))
                    .build());
        }
        return IoUringIoHandler.newFactory(config);
    }

    /** Makes a client of one run. */
    interface Factory {
        Client create(SocketAddress address, Duration timeout);
    }

    /**
     * A client under test.
     *
     * @param jvmOptions that its experts would start the JVM with
     */
    public record Peer(String name, String description, List<String> jvmOptions, Factory factory) {
        /** {@return why it cannot run here, or null if it can} */
        @Nullable
        String obstacle() {
            Throwable cause = switch (name) {
                case "netpoll-uring" -> NetpollClient.unavailabilityCause(Backend.IO_URING);
                case "netty-epoll-virtual" -> Epoll.unavailabilityCause();
                case "netty-uring-virtual" -> IoUring.unavailabilityCause();
                default -> null;
            };
            return cause == null ? null : name + " cannot run here: " + cause;
        }
    }

    /** {@return all, the own ones first} */
    public static List<Peer> all() {
        return PEERS;
    }

    static Optional<Peer> find(String name) {
        return PEERS.stream().filter(peer -> peer.name().equals(name)).findFirst();
    }
}
