// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.nio;

import dev.netpoll.buffer.MemoryLimitException;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.poll.Errno;
import dev.netpoll.internal.poll.RawSocket;
import dev.netpoll.internal.poll.SendQueue;
import dev.netpoll.internal.poll.TransportEvents;
import dev.netpoll.internal.poll.TransportException;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import org.jspecify.annotations.Nullable;

/**
 * What a channel does on its loop, with a selection key.
 *
 * <p>Invariants: I1. Interest is OP_READ unless paused, ended, connecting or done; OP_WRITE while a queue is held; both
 * bits are changed on the loop only. I2. Bytes, then the end, then a failure: while bytes may be unread, an error of
 * sending is kept in {@link #brokenBy} and overrides a pause. I3. Nothing is reported once {@link #done}.
 */
final class NioTransport extends NioSocket implements NioPollable {
    /** System calls per transport and turn in each direction, so that the others get theirs. */
    private static final int MAX_RECEIVES = 16;

    private static final int MAX_SENDS = 16;

    private @Nullable NioPoller poller;
    private @Nullable TransportEvents events;
    private @Nullable SelectionKey key;
    private @Nullable SendQueue queue;
    private boolean paused;

    /** The last event was reported, or nobody wants to hear any. */
    private boolean done;

    NioTransport(SocketChannel channel, boolean tcp) {
        super(channel, tcp);
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
        SocketAddress peer = remoteAddress();
        // A TCP socket that connects to a port of its own ephemeral range may meet itself: nobody listens there.
        if (tcp && peer != null && peer.equals(localAddress())) {
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
        if (brokenBy != 0 && !done && poller != null) {
            poller().again(this); // a flush has met the failure, and no selection will tell of it any more
        }
    }

    @Override
    public void resumeReading() {
        paused = false;
        interest();
    }

    // ---------------------------------------------------------------- sending

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

    // ---------------------------------------------------------------- closing

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
