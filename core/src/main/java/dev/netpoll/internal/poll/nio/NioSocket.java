// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.nio;

import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import org.jspecify.annotations.Nullable;

/**
 * The part of a channel transport that any thread may use, even while the loop closes it: the JDK keeps the descriptor
 * open while a thread is inside a call.
 */
abstract class NioSocket implements Transport {
    private static final int MAX_PARTS = 64;

    final SocketChannel channel;
    final boolean tcp;

    /** Closed, or handed over. */
    volatile boolean closed;

    /** The result of peek() that needs no look at the socket. */
    volatile boolean ended;

    /** Whether the loop may have taken bytes out of the socket that it has not delivered yet. */
    volatile boolean arriving;

    /** The error of a send by any thread, for the loop to report; 0 if none. */
    volatile int brokenBy;

    private volatile boolean outputShutDown;
    private volatile @Nullable SocketAddress local;
    private volatile @Nullable SocketAddress remote;

    NioSocket(SocketChannel channel, boolean tcp) {
        this.channel = channel;
        this.tcp = tcp;
        findAddresses();
    }

    final void findAddresses() {
        try {
            local = normal(channel.getLocalAddress());
        } catch (IOException | IllegalArgumentException e) {
            // Closed meanwhile: keep what is known. Or a Unix path that this JVM's encoding cannot express.
        }
        try {
            remote = normal(channel.getRemoteAddress());
        } catch (IOException | IllegalArgumentException e) {
            // As above.
        }
    }

    /** {@return the address as other backends show it: IPv4-mapped IPv6 as IPv4, and without the host name} */
    private static @Nullable SocketAddress normal(@Nullable SocketAddress address) {
        if (!(address instanceof InetSocketAddress inet) || inet.getAddress() == null) {
            return address;
        }
        InetAddress known = inet.getAddress();
        boolean named = !inet.getHostString().equals(known.getHostAddress());
        if (!named && !(known instanceof Inet6Address)) {
            return address;
        }
        try {
            InetAddress bare = InetAddress.getByAddress(known.getAddress());
            if (bare instanceof Inet6Address && known instanceof Inet6Address six) {
                bare = named ? Inet6Address.getByAddress(null, six.getAddress(), six.getScopeId()) : six;
            }
            return bare == known ? address : new InetSocketAddress(bare, inet.getPort());
        } catch (UnknownHostException e) {
            throw new AssertionError(e); // only for addresses of another length
        }
    }

    /**
     * Needs stack: if a channel lock runs out of it, the lock may stay taken for ever, and the loop, with all its
     * connections, would wait for it when it closes the channel.
     */
    @Override
    public int send(SendQueue bytes) {
        StackRoom.needMuch();
        int result = send(bytes, Integer.MAX_VALUE);
        boolean callersOwn = result == -Errno.EFAULT || result == -Errno.EBADF;
        if (result < 0 && !callersOwn && !outputShutDown) {
            brokenBy = -result; // the JDK reports an error once; the loop may only find an end of stream
        }
        return result;
    }

    /** Like {@link #send(SendQueue)}, but also returns WOULD_BLOCK after {@code maxCalls} calls. */
    final int send(SendQueue bytes, int maxCalls) {
        if (closed) {
            return -Errno.EBADF; // also after detach, when the channel is open but has another owner
        }
        try {
            for (int calls = 0; calls < maxCalls; calls++) {
                Segment head = bytes.head();
                if (head == null) {
                    return SENT;
                }
                boolean alone = head.next == null || head.block == null || head.next.block == null;
                long count = alone ? channel.write(buffer(head)) : channel.write(buffers(head));
                if (count == 0) {
                    return WOULD_BLOCK;
                }
                bytes.consume(count);
            }
            return bytes.isEmpty() ? SENT : WOULD_BLOCK;
        } catch (IllegalStateException e) {
            // The arena of a user's memory is closed. (NotYetConnectedException is an IllegalStateException, too.)
            return -NioErrno.of(e, Errno.EFAULT);
        } catch (IOException e) {
            return outputShutDown && channel.isOpen() ? -Errno.EPIPE : -NioErrno.of(e, Errno.EPIPE);
        }
    }

    /** Stops before a user's memory, which goes alone: if that is gone, the bytes before it are sent all the same. */
    private static ByteBuffer[] buffers(Segment head) {
        int parts = 0;
        for (Segment s = head; s != null && s.block != null && parts < MAX_PARTS; s = s.next) {
            parts++;
        }
        ByteBuffer[] buffers = new ByteBuffer[parts];
        Segment s = head;
        for (int i = 0; i < parts && s != null; i++) {
            buffers[i] = buffer(s);
            s = s.next;
        }
        return buffers;
    }

    private static ByteBuffer buffer(Segment segment) {
        return segment.memory.asSlice(segment.start, segment.length()).asByteBuffer();
    }

    @Override
    public void shutdownOutput() throws TransportException {
        try {
            outputShutDown = true;
            channel.shutdownOutput();
        } catch (IOException | RuntimeException e) {
            throw NioErrno.wrap("shutdown", e, Errno.ENOTCONN);
        }
    }

    /**
     * A channel has no peek, but that of a TCP socket tells how many bytes wait. Otherwise this returns what the loop
     * has seen so far: the end, a failure, or -EAGAIN. The loop's next poll sees what has arrived, unless reading is
     * paused; then it sees nothing.
     */
    @Override
    public int peek() {
        if (closed || !channel.isOpen()) {
            return -Errno.EBADF;
        }
        int broken = brokenBy;
        if (broken != 0) {
            return -broken;
        }
        if (ended) {
            return 0;
        }
        // Checked last: the loop sets it before it takes bytes out of the socket.
        return available() > 0 || arriving ? 1 : -Errno.EAGAIN;
    }

    private int available() {
        try {
            return tcp ? channel.socket().getInputStream().available() : 0;
        } catch (IOException | RuntimeException e) {
            return 0; // not connected, or ended: the loop will report it
        }
    }

    @Override
    public @Nullable SocketAddress localAddress() {
        return local;
    }

    @Override
    public @Nullable SocketAddress remoteAddress() {
        return remote;
    }

    @Override
    public <T> void setOption(SocketOption<T> option, T value) throws IOException {
        try {
            channel.setOption(NioOptions.find(channel, option), value);
        } catch (IOException e) {
            throw NioErrno.wrap("setsockopt " + option.name(), e, Errno.EINVAL);
        }
    }

    @Override
    public <T> T getOption(SocketOption<T> option) throws IOException {
        try {
            return channel.getOption(NioOptions.find(channel, option));
        } catch (IOException e) {
            throw NioErrno.wrap("getsockopt " + option.name(), e, Errno.EINVAL);
        }
    }

    @Override
    public String toString() {
        return "nio socket to " + remote;
    }
}
