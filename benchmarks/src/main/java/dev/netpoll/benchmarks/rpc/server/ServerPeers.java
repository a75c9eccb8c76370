// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import dev.netpoll.Backend;
import dev.netpoll.Dispatch;
import dev.netpoll.benchmarks.rpc.server.Peer.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** All servers that are compared. */
public final class ServerPeers {
    private static final List<String> NETPOLL = List.of("--enable-native-access=ALL-UNNAMED");
    private static final List<String> JDK = List.of();

    /** Netty's memory is fastest with Unsafe; its checks of every access and its leak detector are for development. */
    private static final List<String> NETTY = List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
            "-Dio.netty.tryReflectionSetAccessible=true",
            "-Dio.netty.leakDetection.level=disabled",
            "-Dio.netty.buffer.checkAccessible=false",
            "-Dio.netty.buffer.checkBounds=false");

    private static final Map<String, Entry> ENTRIES = new LinkedHashMap<>();

    static {
        for (Backend backend : List.of(Backend.EPOLL, Backend.IO_URING, Backend.NIO)) {
            String prefix = prefix(backend);
            netpoll(prefix + "adaptive", Kind.BLOCKING, "adaptive dispatch", backend, Dispatch.adaptive());
            netpoll(prefix + "inline", Kind.INLINE, "handlers on the event loop", backend, Dispatch.inline());
            netpoll(prefix + "virtual", Kind.BLOCKING, "handlers on virtual threads", backend, Dispatch.virtual());
        }
        for (NettyTransport transport : NettyTransport.values()) {
            netty("netty-" + transport, Kind.INLINE, "handlers on the event loop", transport);
            netty("netty-" + transport + "-virtual", Kind.BLOCKING, "handlers on virtual threads", transport);
        }
        add(
                "jdk-virtual",
                Kind.BLOCKING,
                "the JDK's Socket, a virtual thread per connection",
                JDK,
                JdkVirtualServer::new);
        add("jdk-nio", Kind.INLINE, "the JDK's Selector, a plain loop", JDK, JdkNioServer::new);
        add(FloorServer.NAME, Kind.FLOOR, "a plain epoll loop in C", JDK, () -> {
            throw new UnsupportedOperationException("it is a C program, not a class of this one");
        });
    }

    private record Entry(Peer peer, Supplier<EchoServer> server) {}

    private ServerPeers() {}

    /** {@return all peers, ours first} */
    public static List<Peer> all() {
        return ENTRIES.values().stream().map(Entry::peer).toList();
    }

    /**
     * {@return the command that starts a peer's server, on a free port unless {@code --port} is appended}
     *
     * @param java the JVM to use
     * @param classPath of this program
     * @param directory where the C program may be put
     * @throws UnsupportedOperationException if the peer cannot be had here; others are only known when they are started
     */
    public static List<String> command(Peer peer, Path java, String classPath, Path directory)
            throws IOException, InterruptedException {
        if (peer.kind() == Kind.FLOOR) {
            return List.of(FloorServer.compile(directory).toString());
        }
        List<String> command = new ArrayList<>();
        command.add(java.toString());
        command.addAll(peer.jvmOptions());
        command.addAll(List.of("-cp", classPath, ServerMain.class.getName(), "--peer", peer.name()));
        return command;
    }

    /** {@return the server of the peer with this name, not started, or null if there is no such peer} */
    static @Nullable EchoServer server(String name) {
        Entry entry = ENTRIES.get(name);
        return entry == null ? null : entry.server().get();
    }

    private static String prefix(Backend backend) {
        if (backend == Backend.IO_URING) {
            return "netpoll-uring-";
        }
        return backend == Backend.NIO ? "netpoll-nio-" : "netpoll-";
    }

    private static void netpoll(String name, Kind kind, String handlers, Backend backend, Dispatch dispatch) {
        String description = "Netpoll on " + backend + ", " + handlers;
        add(name, kind, description, NETPOLL, () -> new NetpollServer(backend, dispatch));
    }

    private static void netty(String name, Kind kind, String handlers, NettyTransport transport) {
        String description = "Netty on " + transport + ", " + handlers;
        add(name, kind, description, NETTY, () -> new NettyServer(transport, kind == Kind.BLOCKING));
    }

    private static void add(
            String name, Kind kind, String description, List<String> options, Supplier<EchoServer> server) {
        Entry before = ENTRIES.put(name, new Entry(new Peer(name, kind, description, options), server));
        if (before != null) {
            throw new AssertionError("two peers have the name " + name);
        }
    }
}
