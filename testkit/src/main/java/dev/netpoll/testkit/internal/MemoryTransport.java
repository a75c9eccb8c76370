// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit.internal;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.transport.Crash;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Starvation;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import dev.netpoll.memory.MemoryLimitException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketOption;
import org.jspecify.annotations.Nullable;

/**
 * One end of a connection, as its event loop drives it. It reports the same events as the epoll backend, even hang-ups
 * while reading is paused.
 *
 * <p><b>Threads.</b> The loop's. {@link MemorySocket} holds what other threads see, under the network's lock. It
 * reports no event under that lock.
 *
 * <p><b>Memory.</b> Copies arriving bytes into blocks of the pool, which belong to the receiver.
 *
 * <p><b>Fails.</b> An exception of an event fails only this end. Without memory, bytes stay in the pipe until a later
 * try.
 */
public final class MemoryTransport extends MemorySocket implements MemoryPoller.Source {
    /** An option that only connections of a test network have: their end. */
    public static final SocketOption<MemoryTransport> SELF = new SocketOption<>() {
        @Override
        public String name() {
            return "TEST_NETWORK_END";
        }

        @Override
        public Class<MemoryTransport> type() {
            return MemoryTransport.class;
        }

        @Override
        public String toString() {
            return name();
        }
    };

    private static final int RECEIVES_MAX = 16;
    private static final int RECEIVE_BYTES_MAX = 64 << 10;

    private enum Found {
        NOTHING,
        BYTES,
        END,
        HANG_UP,
        FAILURE
    }

    private @Nullable TransportEvents events;
    private @Nullable SendQueue queue;

    /** The bytes that {@link #find} has taken out of the pipe. */
    private @Nullable Segment found;

    private boolean paused;
    private boolean endTold;
    private boolean goneTold;
    private boolean starving;

    /** The error number of the failure after an event threw, or 0; reported again if that throws too. */
    private int crash;

    /** Nothing more is reported, except a failure whose report threw. */
    private boolean done;

    private boolean failureTold;

    MemoryTransport(MemoryNetwork network, @Nullable InetSocketAddress local) {
        super(network, local);
    }

    @Override
    MemoryTransport self() {
        return this;
    }

    /** {@return whether this end belongs to that network} */
    public boolean isOf(MemoryNetwork other) {
        return network == other;
    }

    void register(MemoryPoller target, TransportEvents receiver) throws TransportException {
        network.lock.lock();
        try {
            if (isClosed()) {
                throw new TransportException("register", Errno.EBADF);
            }
            events = receiver;
            wakeBy(target);
        } finally {
            network.lock.unlock();
        }
    }

    void connect(MemoryPoller target, SocketAddress address, TransportEvents receiver) {
        network.lock.lock();
        try {
            events = receiver;
            wakeBy(target);
            int result = isClosed() ? Errno.EBADF : network.connect(this, address);
            if (result != MemoryNetwork.SILENCE) {
                answer(result);
            }
        } finally {
            network.lock.unlock();
        }
    }

    @Override
    public int turn() {
        TransportEvents receiver = events;
        if (receiver == null) {
            return 0;
        }
        if (crash != 0 && !failureTold && !isOver()) {
            fail(receiver, crash);
            return 1;
        }
        int count = tellAnswer(receiver) ? 1 : 0;
        int received = 0;
        while (received < RECEIVES_MAX && !done && receive(receiver)) {
            received++;
        }
        count += received;
        if (queue != null && !done && sendMore()) {
            count++;
        }
        network.lock.lock();
        try {
            boolean cutShort = received == RECEIVES_MAX; // the end may come next
            if (!done && !starving && (cutShort || (arrivedBytes() > 0 && (!paused || brokenBy() != 0)))) {
                wake();
            }
        } finally {
            network.lock.unlock();
        }
        return count;
    }

    private boolean isOver() {
        network.lock.lock();
        try {
            return isClosed();
        } finally {
            network.lock.unlock();
        }
    }

    /** Reports the answer to a dial; {@return whether there was one} */
    private boolean tellAnswer(TransportEvents receiver) {
        int result;
        network.lock.lock();
        try {
            result = done ? NONE : takeAnswer();
        } finally {
            network.lock.unlock();
        }
        if (result == 0) {
            receiver.connected();
        } else if (result != NONE) {
            fail(receiver, result);
        }
        return result != NONE;
    }

    /** Reports the failure, as the last event. */
    private void fail(TransportEvents receiver, int errno) {
        done = true;
        queue = null;
        receiver.failed(errno);
        failureTold = true;
    }

    @Override
    public void crashed(Throwable thrown) {
        try {
            TransportEvents receiver = events;
            if (crash != 0 || receiver == null) {
                close(true); // the failure cannot be reported; at least the peer learns of it
            } else {
                crash = Crash.errno(thrown);
                if (!isOver()) {
                    fail(receiver, crash);
                }
            }
        } catch (Throwable again) {
            wakeAgain();
        }
        Crash.log("socket of a test network", thrown);
    }

    private void wakeAgain() {
        network.lock.lock();
        try {
            wake();
        } finally {
            network.lock.unlock();
        }
    }

    // ---- receiving ----

    /** {@return whether an event was reported} */
    private boolean receive(TransportEvents receiver) {
        Found what;
        int errno;
        network.lock.lock();
        try {
            what = find();
            errno = brokenBy();
        } finally {
            network.lock.unlock();
        }
        switch (what) {
            case BYTES -> {
                Segment segment = found;
                found = null;
                if (segment != null) {
                    receiver.received(segment);
                    arrived();
                }
            }
            case END -> {
                endTold = true;
                receiver.peerFinished();
            }
            case HANG_UP -> {
                goneTold = true;
                receiver.peerGone();
            }
            case FAILURE -> fail(receiver, errno);
            case NOTHING -> {}
        }
        return what != Found.NOTHING;
    }

    /** Looks for the next event. Under the lock. */
    private Found find() {
        boolean broken = brokenBy() != 0;
        if (arrivedBytes() > 0 && (!paused || broken)) {
            int planned = broken ? 0 : takeReceiveFault();
            if (planned == 0) {
                return take() ? Found.BYTES : Found.NOTHING;
            }
            in.clear();
            breakBy(planned);
            broken = true;
        }
        if (arrivedBytes() == 0 && broken) {
            return Found.FAILURE;
        }
        if (!in.ended || in.stalled || endTold) {
            return Found.NOTHING;
        }
        if (paused) {
            return goneTold ? Found.NOTHING : Found.HANG_UP;
        }
        return Found.END;
    }

    /** Moves some of the arrived bytes into a block; {@return false if there is no memory for them} */
    private boolean take() {
        int count = network.someOf(Math.min(arrivedBytes(), RECEIVE_BYTES_MAX), network.faults.shortRead());
        Block block;
        try {
            block = SegmentPool.shared().allocate(count);
        } catch (MemoryLimitException | OutOfMemoryError e) {
            if (!starving) {
                starving = true;
                Starvation.began();
            }
            wakeForMemory();
            return false;
        }
        starving = false;
        in.read(block.memory(), count);
        arrives();
        found = Segment.of(block, 0, count);
        wakePeer(); // there is room now
        return true;
    }

    @Override
    public void pauseReading() {
        paused = true;
    }

    @Override
    public void resumeReading() {
        paused = false;
        wakeAgain();
    }

    // ---- sending ----

    @Override
    public void sendRest(SendQueue bytes) {
        if (!done) {
            queue = bytes;
            sendMore();
        }
    }

    /** {@return whether an event was reported} */
    private boolean sendMore() {
        SendQueue bytes = queue;
        TransportEvents receiver = events;
        if (bytes == null || receiver == null) {
            return false;
        }
        long before = bytes.bytes();
        int result = move(bytes, true);
        long sent = before - bytes.bytes();
        if (result != WOULD_BLOCK) {
            queue = null;
        }
        if (sent > 0 || result == SENT) {
            receiver.sent(sent, result == SENT);
        }
        if (result >= 0 || done) {
            return sent > 0 || result == SENT;
        }
        network.lock.lock();
        try {
            if (brokenBy() != 0) {
                wake(); // the failure is reported after the bytes that have arrived
                return sent > 0;
            }
        } finally {
            network.lock.unlock();
        }
        fail(receiver, -result);
        return true;
    }

    @Override
    public void stopSending() {
        queue = null;
    }

    @Override
    public void close(boolean abort) {
        super.close(abort);
        done = true;
        queue = null;
    }
}
