// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit.internal;

import dev.netpoll.internal.transport.Errno;
import java.net.InetSocketAddress;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One end of a connection, as all threads see it: a pipe to read from, and the other end, whose pipe it writes to.
 *
 * <p><b>Threads.</b> Any. The network's lock guards all fields.
 *
 * <pre>
 *   open --answer(0)--> connected --close--> closed
 *                          |  in.reset: the peer or a test has cut it; failure: a planned fault has broken this end
 *                          v
 *                        broken --close--> closed
 * </pre>
 */
abstract class MemoryEnd {
    /** No answer to a dial has come, or it was reported. */
    static final int NONE = -1;

    final MemoryNetwork network;

    /** The bytes that the peer has sent. */
    final Pipe in;

    private final FaultPlan sends = new FaultPlan();
    private final FaultPlan receives = new FaultPlan();
    private @Nullable InetSocketAddress local;
    private @Nullable InetSocketAddress remote;
    private @Nullable Ends place;
    private @Nullable MemoryEnd peer;
    private @Nullable MemoryPoller poller;
    private boolean closed;

    /** The result of the dial, which the next turn reports: 0, an error number, or {@link #NONE}. */
    private int answer = NONE;

    /** The error number that broke this end alone, or 0; the peer sees a reset. */
    private int failure;

    MemoryEnd(MemoryNetwork network, @Nullable InetSocketAddress local) {
        this.network = network;
        this.local = local;
        this.in = new Pipe(network.faults.pipeCapacityBytes());
    }

    // ---- under the lock ----

    /** Connects this end with another one. */
    final void joins(MemoryEnd other, Ends here) {
        stand(here, other);
        other.stand(here.reversed(), this);
    }

    private void stand(Ends here, MemoryEnd other) {
        place = here;
        local = here.local();
        remote = here.remote();
        peer = other;
    }

    /** {@return its address and its peer's} */
    final Ends place() {
        return Objects.requireNonNull(place, "place");
    }

    final void wakeBy(MemoryPoller target) {
        poller = target;
        wake();
    }

    /** This end may have something to report. */
    final void wake() {
        if (poller != null && !closed) {
            poller.ready(self());
        }
    }

    /** Like {@link #wake}, but only when there may be memory again. */
    final void wakeForMemory() {
        if (poller != null && !closed) {
            poller.starve(self());
        }
    }

    abstract MemoryTransport self();

    final void wakePeer() {
        if (peer != null) {
            peer.wake();
        }
    }

    final void answer(int result) {
        answer = result;
        wake();
    }

    final int takeAnswer() {
        int result = answer;
        answer = NONE;
        return result;
    }

    final boolean isClosed() {
        return closed;
    }

    /** {@return the other end, or null before it is connected} */
    final @Nullable MemoryEnd peer() {
        return peer;
    }

    /** Closes this end; {@return whether it was open} */
    final boolean shut() {
        if (closed) {
            return false;
        }
        closed = true;
        in.clear();
        network.forget(this, place);
        return true;
    }

    /** {@return the error number that has broken this end, as seen from here, or 0} */
    final int brokenBy() {
        return failure != 0 ? failure : in.reset && !in.stalled ? Errno.ECONNRESET : 0;
    }

    /** {@return how many bytes have arrived and are not delivered yet} */
    final int arrivedBytes() {
        return in.stalled ? 0 : in.size();
    }

    /** {@return the error number that a test has planned for the next receive, or 0} */
    final int takeReceiveFault() {
        int own = receives.take();
        return own != 0 ? own : network.receives.take();
    }

    /** {@return the error number that a test has planned for the next send, or 0} */
    final int takeSendFault(boolean onLoop) {
        int own = onLoop ? sends.takeLasting() : sends.take();
        if (own != 0) {
            return own;
        }
        return onLoop ? network.sends.takeLasting() : network.sends.take();
    }

    /** Breaks the connection in both directions; the peer sees a reset after the bytes sent. */
    final void breakBy(int errno) {
        failure = failure == 0 ? errno : failure;
        if (peer != null) {
            peer.in.reset = true;
            peer.wake();
        }
        wake();
    }

    // ---- what a test does; any thread ----

    /** Resets the connection; bytes sent before arrive first, even if they were held back. */
    public final void cut() {
        network.lock.lock();
        try {
            resetHere();
            if (peer != null) {
                peer.resetHere();
            }
        } finally {
            network.lock.unlock();
        }
    }

    private void resetHere() {
        in.stalled = false;
        in.reset = true;
        wake();
    }

    /** Stalls this end, or ends the stall: the bytes held back arrive. */
    public final void stall(boolean on) {
        network.lock.lock();
        try {
            in.stalled = on;
            wake();
        } finally {
            network.lock.unlock();
        }
    }

    /** Like {@link #stall}, at the other end. */
    public final void stallPeer(boolean on) {
        network.lock.lock();
        try {
            if (peer != null) {
                peer.stall(on);
            }
        } finally {
            network.lock.unlock();
        }
    }

    /** The next sends here fail with an error number. */
    public final void failSends(int count, int errno) {
        network.lock.lock();
        try {
            sends.add(count, errno);
        } finally {
            network.lock.unlock();
        }
    }

    /** The next receives here fail with an error number. */
    public final void failReceives(int count, int errno) {
        network.lock.lock();
        try {
            receives.add(count, errno);
        } finally {
            network.lock.unlock();
        }
    }

    /** Forgets the planned faults, and ends a stall. */
    public final void clearFaults() {
        network.lock.lock();
        try {
            sends.clear();
            receives.clear();
            stall(false);
        } finally {
            network.lock.unlock();
        }
    }

    /** {@return how many bytes were sent to this end and have not been delivered} */
    public final int inboundBytes() {
        network.lock.lock();
        try {
            return in.size();
        } finally {
            network.lock.unlock();
        }
    }

    /** {@return how many bytes were sent from here and have not been delivered} */
    public final int outboundBytes() {
        network.lock.lock();
        try {
            return peer == null ? 0 : peer.inboundBytes();
        } finally {
            network.lock.unlock();
        }
    }

    /** {@return whether this end is open} */
    public final boolean isOpen() {
        network.lock.lock();
        try {
            return !closed;
        } finally {
            network.lock.unlock();
        }
    }

    /** {@return its own address, or null if it has none yet} */
    public final @Nullable InetSocketAddress localAddress() {
        network.lock.lock();
        try {
            return local;
        } finally {
            network.lock.unlock();
        }
    }

    /** {@return the peer's address, or null if it was never connected} */
    public final @Nullable InetSocketAddress remoteAddress() {
        network.lock.lock();
        try {
            return remote;
        } finally {
            network.lock.unlock();
        }
    }

    @Override
    public String toString() {
        return "memory socket " + localAddress() + " to " + remoteAddress();
    }
}
