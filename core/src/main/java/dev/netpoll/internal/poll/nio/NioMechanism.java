// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.nio;

import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.memory.FirstUse;
import dev.netpoll.internal.poll.Mechanism;
import dev.netpoll.internal.poll.ParkingWatch;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.PollerWatch;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import dev.netpoll.internal.transport.UnixPaths;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.ref.Reference;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The NIO backend: the JDK's own non-blocking channels. */
public final class NioMechanism implements Mechanism {
    /** In bytes: more than the JDK needs to accept or close. */
    private static final int SOME_HEAP = 16 << 10;

    /** Whether the JDK's classes of both kinds of sockets are loaded. */
    private static volatile boolean loaded;

    static {
        // Loads the classes that report a lack of descriptors: by then, class files may not be readable.
        int _ = NioErrno.wrap("accept", new IOException("too many open files"), Errno.EMFILE)
                .errno();
    }

    /** Creates it, and loads the JDK's classes while there are descriptors, which some of them need to initialise. */
    public NioMechanism() {
        load();
    }

    private static void load() {
        if (!loaded) {
            boolean ip = load(StandardProtocolFamily.INET);
            loaded = load(StandardProtocolFamily.UNIX) && ip;
        }
    }

    /** {@return whether nothing is left to load, as far as that can be had here} */
    private static boolean load(StandardProtocolFamily family) {
        try {
            SocketChannel.open(family).close();
            ServerSocketChannel.open(family).close();
            return true;
        } catch (UnsupportedOperationException _) {
            return true;
        } catch (IOException | LinkageError _) {
            return false; // its first use reports that
        }
    }

    @Override
    public String name() {
        return "nio";
    }

    @Override
    public Poller openPoller() throws TransportException {
        Classes.initialize(
                MethodHandles.lookup(),
                NioTransport.class,
                NioListenSocket.class,
                NioErrno.class,
                NioOptions.class,
                NioSocket.class);
        FirstUse.prepare();
        try {
            return new NioPoller();
        } catch (IOException e) {
            throw NioErrno.wrap("open selector", e, Errno.EMFILE);
        }
    }

    @Override
    public PollerWatch openWatch() {
        return new ParkingWatch();
    }

    @Override
    public boolean isWatchable() {
        return false;
    }

    @Override
    public ListenSocket bind(SocketAddress address, ListenOptions options) throws TransportException {
        check("bind", address);
        if (address instanceof UnixDomainSocketAddress unix && isUnnamed(unix)) {
            throw new TransportException("bind", Errno.EINVAL); // as in other backends; the JDK would invent a name
        }
        ServerSocketChannel channel = null;
        try {
            channel = address instanceof UnixDomainSocketAddress
                    ? ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                    : ServerSocketChannel.open();
            return bind(channel, address, options);
        } catch (IOException | RuntimeException e) {
            closeQuietly(channel);
            throw NioErrno.wrap("bind", e, Errno.EADDRINUSE);
        } catch (Error e) {
            closeQuietly(channel);
            throw e;
        }
    }

    private static NioListenSocket bind(ServerSocketChannel channel, SocketAddress address, ListenOptions options)
            throws IOException {
        channel.configureBlocking(false);
        if (options.reusePort()) {
            if (!channel.supportedOptions().contains(StandardSocketOptions.SO_REUSEPORT)) {
                throw new TransportException("bind", Errno.EOPNOTSUPP);
            }
            channel.setOption(StandardSocketOptions.SO_REUSEPORT, true);
        }
        if (!(address instanceof UnixDomainSocketAddress unix)) {
            channel.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            channel.bind(address, options.effectiveBacklog());
            return new NioListenSocket(channel, channel.getLocalAddress(), null);
        }
        synchronized (UnixPaths.BINDING) {
            return bindPath(channel, unix, options);
        }
    }

    private static NioListenSocket bindPath(
            ServerSocketChannel channel, UnixDomainSocketAddress address, ListenOptions options) throws IOException {
        Path path = address.getPath();
        try {
            channel.bind(address, options.effectiveBacklog());
        } catch (IOException e) {
            boolean inUse = NioErrno.of(e, Errno.EIO) == Errno.EADDRINUSE;
            Object key = UnixPaths.key(path);
            boolean mayReplace = inUse && options.replaceStalePath() && UnixPaths.isSocket(path);
            if (!mayReplace || !UnixPaths.isStale(() -> isRefused(address))) {
                throw e;
            }
            UnixPaths.deleteIfSame(path, key);
            channel.bind(address, options.effectiveBacklog());
        }
        return new NioListenSocket(channel, address, UnixPaths.key(path));
    }

    private static boolean isRefused(UnixDomainSocketAddress address) {
        try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            probe.configureBlocking(false);
            probe.connect(address);
            return false;
        } catch (IOException e) {
            return NioErrno.of(e, Errno.EIO) == Errno.ECONNREFUSED;
        }
    }

    @Override
    public Transport open(SocketAddress remote, @Nullable SocketAddress local) throws TransportException {
        check("socket", remote);
        if (remote instanceof UnixDomainSocketAddress unix && isUnnamed(unix)) {
            throw new TransportException("socket", Errno.EINVAL); // as in other backends
        }
        SocketChannel channel = null;
        try {
            boolean unix = remote instanceof UnixDomainSocketAddress;
            channel = unix ? SocketChannel.open(StandardProtocolFamily.UNIX) : SocketChannel.open();
            prepare(channel, unix);
            if (local != null) {
                check("bind", local);
                channel.bind(local);
            }
            return new NioTransport(channel, !unix);
        } catch (IOException | RuntimeException e) {
            closeQuietly(channel);
            throw NioErrno.wrap("socket", e, Errno.EADDRNOTAVAIL);
        } catch (Error e) {
            closeQuietly(channel);
            throw e;
        }
    }

    @Override
    public boolean adoptsChannels() {
        return true;
    }

    @Override
    public Transport adopt(RawSocket socket) throws TransportException {
        SocketChannel channel = socket.channel();
        if (channel == null) {
            throw new TransportException("adopt", Errno.EBADF);
        }
        boolean added = false;
        boolean adopted = false;
        try {
            SocketAddress remote = channel.getRemoteAddress();
            if (remote == null || !channel.isConnected()) { // it may be connecting, and know where to
                throw new TransportException("adopt", Errno.ENOTCONN);
            }
            added = AdoptedChannels.add(channel);
            if (!added) {
                throw new TransportException("adopt", Errno.EBUSY);
            }
            boolean unix = remote instanceof UnixDomainSocketAddress;
            prepare(channel, unix);
            NioTransport transport = new NioTransport(channel, !unix);
            adopted = true;
            return transport;
        } catch (IOException | RuntimeException e) {
            throw NioErrno.wrap("adopt", e, Errno.EINVAL);
        } finally {
            if (added && !adopted) { // the caller keeps the socket
                AdoptedChannels.remove(channel);
            }
        }
    }

    /**
     * Throws an {@link OutOfMemoryError} unless there is some heap. The JDK's channels lose a socket for good if they
     * run out of heap while they accept or close it, so call them only if there is some.
     */
    @SuppressWarnings("ReachabilityFenceUsage") // only keeps the array from being optimised away
    static void needHeap() {
        Reference.reachabilityFence(new byte[SOME_HEAP]);
    }

    static void prepare(SocketChannel channel, boolean unix) throws IOException {
        channel.configureBlocking(false);
        if (!unix) {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        }
    }

    /** Like {@link #prepare}, but leaves a socket that was reset as it is, so that its bytes are delivered. */
    static void prepareAccepted(SocketChannel channel, boolean unix) throws IOException {
        channel.configureBlocking(false);
        if (!unix) {
            try {
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            } catch (IOException e) {
                // Some kernels refuse this after a reset; reading will report it.
            }
        }
    }

    /** Rejects addresses for which this backend has no sockets. */
    static void check(String operation, SocketAddress address) throws TransportException {
        int wrong = switch (address) {
            case UnixDomainSocketAddress unix -> unix.getPath().toString().startsWith("@") ? Errno.EAFNOSUPPORT : 0;
            case InetSocketAddress inet -> inet.isUnresolved() ? Errno.EINVAL : 0;
            default -> Errno.EAFNOSUPPORT;
        };
        if (wrong != 0) {
            throw new TransportException(operation, wrong);
        }
    }

    private static boolean isUnnamed(UnixDomainSocketAddress address) {
        return address.getPath().toString().isEmpty();
    }

    static void closeQuietly(@Nullable Channel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                // It is closed, and there is nothing more to do.
            }
        }
    }
}
