// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.nio;

import dev.netpoll.internal.memory.MemoryLimitException;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.poll.Errno;
import dev.netpoll.internal.poll.RawSocket;
import dev.netpoll.internal.poll.SendQueue;
import dev.netpoll.internal.poll.Transport;
import dev.netpoll.internal.poll.TransportEvents;
import dev.netpoll.internal.poll.TransportException;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import org.jspecify.annotations.Nullable;

/**
 * A channel with a selection key. The JDK keeps its descriptor open while a thread is inside a call.
 *
 * <p>Invariants: I1. Interest is OP_READ unless paused, ended, connecting or done; OP_WRITE while a queue is held; both
 * bits are changed on the loop only. I2. Bytes, then the end, then a failure: while bytes may be unread, an error of
 * sending is kept in {@link #brokenBy} and overrides a pause. I3. Nothing is reported once {@link #done}.
 */
final class NioTransport implements Transport, NioPollable {
    /** System calls per transport and turn in each direction, so that the others get theirs. */
    private static final int MAX_RECEIVES = 16;

    private static final int MAX_SENDS = 16;
    private static final int MAX_PARTS = 64;

    private final SocketChannel channel;
    private final boolean tcp;

    private @Nullable NioPoller poller;
    private @Nullable TransportEvents events;
    private @Nullable SelectionKey key;
    private @Nullable SendQueue queue;
    private boolean paused;
    private volatile boolean closed;

    /** The last event was reported, or nobody wants to hear any. */
    private boolean done;

    /** What peek() may tell without looking. */
    private volatile boolean ended;

    private volatile int brokenBy;
    private volatile boolean outputShutDown;
    private volatile @Nullable SocketAddress local;
    private volatile @Nullable SocketAddress remote;

    NioTransport(SocketChannel channel, boolean tcp) {
        this.channel = channel;
        this.tcp = tcp;
        findAddresses();
    }

    private void findAddresses() {
        try {
            local = channel.getLocalAddress();
            remote = channel.getRemoteAddress();
        } catch (IOException e) {
            // Closed meanwhile: what is known stays.
        }
    }

    // ---------------------------------------------------------------- registration

    void register(NioPoller target, TransportEvents receiver) throws TransportException {
        key = target.register(channel, 0, this);
        poller = target;
        events = receiver;
        interest();
    }

    void connect(NioPoller target, SocketAddress address, TransportEvents receiver) {
        poller = target;
        events = receiver;
        try {
            NioBackend.check("connect", address);
            boolean connected = channel.connect(address);
            key = target.register(channel, connected ? 0 : SelectionKey.OP_CONNECT, this);
            if (connected) {
                connected();
            }
        } catch (IOException | RuntimeException e) {
            fail(NioErrno.of(e, Errno.ECONNREFUSED));
        }
    }

    private void finishConnect() {
        try {
            if (channel.finishConnect()) {
                connected();
            }
        } catch (IOException e) {
            fail(NioErrno.of(e, Errno.ECONNREFUSED));
        }
    }

    private void connected() {
        findAddresses();
        SocketAddress peer = remote;
        // A TCP socket that connects to a port of its own ephemeral range may meet itself: nobody listens there.
        if (tcp && peer != null && peer.equals(local)) {
            fail(Errno.ECONNREFUSED);
            return;
        }
        interest();
        receiver().connected();
    }

    // ---------------------------------------------------------------- events

    @Override
    public void ready(int operations) {
        if ((operations & SelectionKey.OP_CONNECT) != 0 && !done) {
            finishConnect();
        }
        if ((operations & SelectionKey.OP_READ) != 0 && !done) {
            receive();
        }
        if ((operations & SelectionKey.OP_WRITE) != 0 && !done && queue != null) {
            sendMore();
        }
    }

    /** Sending failed: delivers what is left, then the failure. */
    void continueTurn() {
        if (!done) {
            receive();
        }
    }

    /** Makes the key's interest what the state asks for. */
    private void interest() {
        SelectionKey registered = key;
        if (registered == null || !registered.isValid()) {
            return;
        }
        int operations = 0;
        if (!done && !ended && !paused && channel.isConnected()) {
            operations |= SelectionKey.OP_READ;
        }
        if (!done && queue != null) {
            operations |= SelectionKey.OP_WRITE;
        }
        if (registered.interestOps() != operations) {
            registered.interestOps(operations);
        }
    }

    // ---------------------------------------------------------------- receiving

    private void receive() {
        int i = 0;
        while ((!paused || brokenBy != 0) && i < MAX_RECEIVES) {
            if (!receiveSome()) {
                return;
            }
            i++;
        }
        if (!done && brokenBy != 0) {
            poller().again(this);
        }
    }

    /** Receives once. {@return whether there may be more to receive} */
    private boolean receiveSome() {
        NioPoller owner = poller();
        int result;
        ByteBuffer view;
        try {
            view = owner.receiveView();
            result = channel.read(view);
        } catch (IOException | RuntimeException e) {
            fail(e instanceof MemoryLimitException ? Errno.ENOMEM : NioErrno.of(e, Errno.ECONNRESET));
            return false;
        }
        if (result < 0) {
            endOfStream();
            return false;
        }
        if (result == 0) {
            if (brokenBy != 0) {
                fail(brokenBy);
            }
            return false;
        }
        Segment received;
        try {
            received = owner.receiveBuffer.received(result);
        } catch (MemoryLimitException e) {
            fail(Errno.ENOMEM);
            return false;
        }
        receiver().received(received);
        return !done && (!tcp || result == view.capacity() || brokenBy != 0);
    }

    private void endOfStream() {
        // On TCP the end may be what is left of a reset whose error another call got.
        if (tcp && brokenBy != 0) {
            fail(brokenBy);
            return;
        }
        ended = true;
        interest();
        receiver().peerFinished();
        if (!done && brokenBy != 0) {
            fail(brokenBy);
        }
    }

    /** The last event. */
    private void fail(int errno) {
        done = true;
        queue = null;
        if (brokenBy == 0) {
            brokenBy = errno;
        }
        interest();
        receiver().failed(errno);
    }

    @Override
    public void pauseReading() {
        paused = true;
        interest();
    }

    @Override
    public void resumeReading() {
        paused = false;
        interest();
    }

    // ---------------------------------------------------------------- sending

    @Override
    public int send(SendQueue bytes) {
        int result = send(bytes, Integer.MAX_VALUE);
        boolean callersOwn = result == -Errno.EFAULT || result == -Errno.EBADF;
        if (result < 0 && !callersOwn && !outputShutDown) {
            brokenBy = -result; // the JDK tells an error once; the loop may find but an end of stream
        }
        return result;
    }

    /** As {@link #send(SendQueue)}, but reports WOULD_BLOCK also after {@code maxCalls} calls. */
    private int send(SendQueue bytes, int maxCalls) {
        if (closed) {
            return -Errno.EBADF; // also after detach, when the channel is open and somebody else's
        }
        try {
            for (int calls = 0; calls < maxCalls; calls++) {
                Segment head = bytes.head();
                if (head == null) {
                    return SENT;
                }
                long count = head.next == null ? channel.write(buffer(head)) : channel.write(buffers(head));
                if (count == 0) {
                    return WOULD_BLOCK;
                }
                bytes.consume(count);
            }
            return bytes.isEmpty() ? SENT : WOULD_BLOCK;
        } catch (IllegalStateException e) {
            // The arena of a user's memory is closed. (NotYetConnectedException is one too.)
            return -NioErrno.of(e, Errno.EFAULT);
        } catch (IOException e) {
            return outputShutDown && channel.isOpen() ? -Errno.EPIPE : -NioErrno.of(e, Errno.EPIPE);
        }
    }

    private static ByteBuffer[] buffers(Segment head) {
        int parts = 0;
        for (Segment s = head; s != null && parts < MAX_PARTS; s = s.next) {
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
    public void sendRest(SendQueue bytes) {
        if (!done) {
            queue = bytes;
            sendMore();
        }
    }

    private void sendMore() {
        SendQueue bytes = queue;
        if (bytes == null) {
            return;
        }
        long before = bytes.bytes();
        int result = send(bytes, MAX_SENDS);
        long sent = before - bytes.bytes();
        if (result != WOULD_BLOCK) {
            queue = null;
        }
        interest();
        if (sent > 0 || result == SENT) {
            receiver().sent(sent, result == SENT);
        }
        if (result < 0 && !done) {
            if (ended) {
                fail(-result);
            } else {
                brokenBy = -result;
                poller().again(this);
            }
        }
    }

    @Override
    public void stopSending() {
        queue = null;
        interest();
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

    // ---------------------------------------------------------------- looking and closing

    /**
     * A channel cannot be looked into, so this tells what the loop has seen so far: the end, a failure, or -EAGAIN. The
     * loop sees what has arrived by its next poll, unless reading is paused; it then sees nothing.
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
        return ended ? 0 : -Errno.EAGAIN;
    }

    @Override
    public void close(boolean abort) {
        if (closed) {
            return;
        }
        closed = true;
        done = true;
        queue = null;
        if (abort && tcp) {
            try {
                channel.setOption(StandardSocketOptions.SO_LINGER, 0);
            } catch (IOException | RuntimeException e) {
                // The connection is gone already: nothing to reset.
            }
        }
        NioBackend.closeQuietly(channel);
    }

    @Override
    public RawSocket detach() throws TransportException {
        if (closed) {
            throw new TransportException("detach", Errno.EBADF);
        }
        closed = true;
        done = true;
        queue = null;
        SelectionKey registered = key;
        NioPoller owner = poller;
        if (registered != null && owner != null) {
            registered.cancel();
            owner.flushCancelled(); // a channel with keys could not be made blocking
        }
        return new RawSocket(-1, channel);
    }

    // ---------------------------------------------------------------- addresses and options

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

    private NioPoller poller() {
        NioPoller owner = poller;
        if (owner == null) {
            throw new IllegalStateException("not registered: " + this);
        }
        return owner;
    }

    private TransportEvents receiver() {
        TransportEvents receiver = events;
        if (receiver == null) {
            throw new IllegalStateException("not registered: " + this);
        }
        return receiver;
    }
}
