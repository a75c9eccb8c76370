// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.nio;

import dev.netpoll.internal.poll.Continuable;
import dev.netpoll.internal.poll.Turns;
import dev.netpoll.internal.transport.Crash;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Starvation;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The loop's half of a channel transport, with a selection key.
 *
 * <p>Invariants: I1. Interest is OP_READ unless paused, ended, connecting or done; OP_WRITE while a queue is held; both
 * bits are changed on the loop only. I2. Bytes, then the end, then a failure: while bytes may be unread, an error of
 * sending is kept in {@link #brokenBy} and overrides a pause. I3. Nothing is reported once {@link #done}.
 */
final class NioTransport extends NioSocket implements NioPollable, Continuable {
    /** The most system calls per transport, turn and direction, so that others get theirs. */
    private static final int MAX_RECEIVES = 16;

    private static final int MAX_SENDS = 16;

    private @Nullable NioPoller poller;
    private @Nullable TransportEvents events;
    private @Nullable SelectionKey key;
    private @Nullable SendQueue queue;
    private @Nullable Continuable nextContinued;
    private boolean paused;

    /** Whether it is in a list of {@link Turns}. */
    private boolean listed;

    /** Whether there was no memory to receive into. */
    private boolean starved;

    /** Whether an event threw; the failure was reported, or will be. */
    private boolean crashed;

    /** Whether the last event was reported, or no more are wanted. */
    private boolean done;

    /** Whether the channel was handed over. */
    private boolean detached;

    /** Whether closing sends the peer a reset. */
    private boolean aborts;

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
            NioMechanism.check("connect", address);
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
        // A TCP socket that connects to a port of its own ephemeral range, where nobody listens, may connect to itself.
        if (tcp && isSame(peer, localAddress())) {
            fail(Errno.ECONNREFUSED);
            return;
        }
        interest();
        receiver().connected();
    }

    /** {@return whether two addresses name the same socket, whatever objects the JDK created for them} */
    private static boolean isSame(@Nullable SocketAddress one, @Nullable SocketAddress other) {
        return one instanceof InetSocketAddress a
                && other instanceof InetSocketAddress b
                && a.getPort() == b.getPort()
                && Arrays.equals(a.getAddress().getAddress(), b.getAddress().getAddress());
    }

    // ---------------------------------------------------------------- events

    @Override
    public void ready(int operations) {
        if (closed) {
            cancel();
        }
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

    /** Continues in the next turn with work that no selection will announce. */
    private void again() {
        if (!listed) {
            listed = true;
            poller().turns.add(this);
        }
    }

    /** There is no memory to receive into: retries later. Arriving bytes stay in the kernel until then. */
    private void starve() {
        boolean begins = !starved;
        starved = true;
        interest();
        waitForMemory(poller());
        if (begins) {
            Starvation.began();
        }
    }

    private void waitForMemory(NioPoller owner) {
        if (!listed) {
            listed = true;
            owner.turns.addStarved(this);
        }
    }

    /** Either sending failed: delivers the remaining bytes, then the failure. Or there may be memory again. */
    @Override
    public void continueTurn() {
        listed = false;
        if (closed) {
            if (channel.isOpen() && !detached) {
                closeChannel();
            }
        } else if (crashed) {
            tellCrash();
        } else if (!done) {
            receive();
        }
    }

    @Override
    public void crashed(Throwable thrown) {
        try {
            if (crashed) {
                close(true); // the receiver cannot be told, so at least tell the peer
            } else {
                crashed = true;
                brokenBy = Crash.errno(thrown);
                tellCrash();
            }
        } catch (Throwable again) {
            again();
        }
        Crash.log("socket of the nio backend", thrown);
    }

    private void tellCrash() {
        if (!closed) {
            fail(brokenBy);
        }
    }

    @Override
    public @Nullable Continuable nextContinued() {
        return nextContinued;
    }

    @Override
    public void nextContinued(@Nullable Continuable next) {
        nextContinued = next;
    }

    /** Sets the key's interest according to the state. */
    private void interest() {
        SelectionKey registered = key;
        if (registered == null || !registered.isValid()) {
            return;
        }
        int operations = 0;
        if (!done && !ended && !paused && !starved && channel.isConnected()) {
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
            again();
        }
    }

    /** Receives once. {@return whether there may be more to receive} */
    private boolean receiveSome() {
        NioPoller owner = poller();
        ByteBuffer view = owner.receiveView();
        if (view == null) {
            starve();
            return false;
        }
        if (starved) {
            starved = false;
            interest();
        }
        int capacity = view.remaining();
        int result;
        arriving = true;
        try {
            result = channel.read(view);
        } catch (IOException | RuntimeException e) {
            fail(NioErrno.of(e, Errno.ECONNRESET));
            arriving = false; // only after reporting: in between, the connection must not look reusable
            return false;
        }
        if (result > 0) {
            receiver().received(owner.receiveBuffer.received(result));
            arriving = false;
            return !done && (!tcp || result == capacity || brokenBy != 0);
        }
        if (result < 0) {
            endOfStream();
        } else if (brokenBy != 0) {
            fail(brokenBy);
        }
        arriving = false;
        return false;
    }

    private void endOfStream() {
        // On TCP the end may be the rest of a reset whose error another call got.
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

    /** Reports the failure, as the last event. */
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
    public void arrived() {
        arriving = false;
    }

    @Override
    public void pauseReading() {
        paused = true;
        interest();
        if (brokenBy != 0 && !done && poller != null) {
            again(); // a flush met the failure, and no selection will announce it
        }
    }

    @Override
    public void resumeReading() {
        paused = false;
        if (!listed) {
            starved = false; // its turn came while reading was paused
        }
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
                again();
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
            cancel();
            return;
        }
        closed = true;
        done = true;
        queue = null;
        aborts = abort;
        closeChannel();
    }

    /**
     * Closes the channel if there is some heap, else later: the JDK marks a channel closed before closing it, so if it
     * runs out of memory in between, the socket stays open for good.
     */
    private void closeChannel() {
        NioPoller owner = poller;
        try {
            NioMechanism.needHeap();
        } catch (OutOfMemoryError e) {
            if (owner != null && owner.canWaitForHeap()) {
                waitForMemory(owner);
                return;
            }
        }
        try {
            if (aborts && tcp) {
                channel.setOption(StandardSocketOptions.SO_LINGER, 0);
            }
        } catch (IOException | RuntimeException e) {
            // The connection is already gone: nothing to reset.
        } finally {
            try {
                NioMechanism.closeQuietly(channel);
            } finally {
                cancel();
            }
        }
    }

    /**
     * Cancels the key before the close. If the JDK has no memory for that during a close, it does not retry: the socket
     * would stay open, and the selector report it without end.
     */
    private void cancel() {
        SelectionKey registered = key;
        if (registered != null && registered.isValid()) {
            registered.cancel();
        }
    }

    @Override
    public RawSocket detach() throws TransportException {
        if (closed) {
            throw new TransportException("detach", Errno.EBADF);
        }
        closed = true;
        detached = true;
        done = true;
        queue = null;
        SelectionKey registered = key;
        NioPoller owner = poller;
        try {
            if (registered != null && owner != null) {
                registered.cancel();
                owner.flushCancelled(); // a channel with keys cannot be made blocking
            }
            AdoptedChannels.remove(channel);
            return new RawSocket(-1, channel);
        } catch (Throwable t) {
            closeQuietly();
            throw t;
        }
    }

    @Override
    public void discard(RawSocket detached) {
        closeQuietly();
    }

    private void closeQuietly() {
        try {
            channel.close();
        } catch (IOException e) {
            // it is gone either way
        }
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
