// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.ffi.SockAddr;
import dev.netpoll.internal.poll.Continuable;
import dev.netpoll.internal.poll.Turns;
import dev.netpoll.internal.transport.Crash;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Starvation;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * The loop's half of a stream socket, shared by the epoll and io_uring backends: how it connects, how its stream ends,
 * and how it breaks. The backend decides when to receive and to send.
 *
 * <p>Nothing is reported once {@link #DONE}. {@link #HUNG_UP} (nothing more can come, nothing can be sent) overrides a
 * pause. Loop only.
 */
public abstract class LoopSocket extends StreamSocket implements Continuable {
    /** The most sending system calls per socket and turn, so that others get theirs. */
    private static final int MAX_SENDS = 16;

    protected static final int CONNECTING = 1;
    protected static final int PAUSED = 1 << 1;

    /** The peer has finished sending: an end of stream follows the bytes. */
    protected static final int PEER_ENDED = 1 << 2;

    /** Both directions are shut down. */
    protected static final int HUP = 1 << 3;

    protected static final int HUNG_UP = 1 << 4;
    protected static final int END_TOLD = 1 << 5;
    protected static final int SEND_AGAIN = 1 << 6;

    /** Failed, closed or detached. */
    protected static final int DONE = 1 << 7;

    protected static final int CLOSED = 1 << 8;

    private static final int PEER_GONE_TOLD = 1 << 9;
    private static final int AGAIN = 1 << 10;

    /** There was no memory to receive into. */
    protected static final int STARVED = 1 << 11;

    /** An event threw; the failure was reported, or will be. */
    private static final int CRASHED = 1 << 12;

    /** The lowest bit that belongs to the backend. */
    protected static final int OWN = 1 << 13;

    /** The queue being sent as the kernel takes it, or null. */
    protected @Nullable SendQueue queue;

    private int flags;
    private @Nullable TransportEvents events;
    private @Nullable Continuable nextContinued;

    protected LoopSocket(int fd, boolean tcp, byte @Nullable [] remote) {
        super(fd, tcp, remote);
    }

    // ---------------------------------------------------------------- the backend's part

    /** {@return the scratch of the poller} */
    protected abstract Scratch scratch();

    /** {@return the list that calls {@link #continueTurn}} */
    protected abstract Turns turns();

    /** Sends more of the queue. */
    protected abstract void sendMore();

    /** The kernel takes no more for now: arranges to continue when it does. */
    protected abstract void awaitRoom();

    /** Sending has failed: delivers the bytes that have arrived, in spite of a pause, then the failure. */
    protected abstract void failAfterRest();

    /** The stream ended without a failure; there may be bytes left to send. */
    protected abstract void ended();

    /** <i>Once.</i> Leaves the poller, and ends all operations in progress. */
    protected abstract void deregister();

    // ---------------------------------------------------------------- connecting

    protected final void receiver(TransportEvents receiver) {
        events = receiver;
    }

    protected final TransportEvents receiver() {
        TransportEvents receiver = events;
        if (receiver == null) {
            throw new IllegalStateException("not registered: " + this);
        }
        return receiver;
    }

    /** Begins to connect; {@return 0 if connected, EINPROGRESS if in progress, or the error} */
    protected final int startConnecting(Scratch scratch, SocketAddress address) {
        int wrong = is(CLOSED) ? Errno.EBADF : SockAddr.check(address);
        if (wrong != 0) {
            return wrong;
        }
        int result = LibcSocket.connect(scratch, fd(), SockAddr.encode(address));
        // An interrupted connect continues in the background like one in progress. A Unix socket whose peer has a full
        // queue reports EAGAIN: that is a failure, as the kernel does not continue.
        return result == -Errno.EINTR ? Errno.EINPROGRESS : -result;
    }

    /** Completes a connect if the event says so; {@return whether it does} */
    protected final boolean finishConnecting(boolean isHungUp) {
        Scratch scratch = scratch();
        // Before anything else asks the socket: the kernel reports the error only once.
        int error = LibcSocket.pendingError(scratch, fd());
        if (error == 0 && LibcSocket.getpeername(scratch, fd()) < 0) {
            if (!isHungUp) {
                return false; // spurious: still connecting
            }
            error = Errno.ECONNREFUSED;
        }
        clear(CONNECTING);
        if (error != 0) {
            fail(error);
        } else {
            connected();
        }
        return true;
    }

    protected final void connected() {
        Scratch scratch = scratch();
        if (LibcSocket.getpeername(scratch, fd()) == 0) {
            remote(scratch.socketAddress());
        }
        if (tcp && isConnectedToItself()) {
            fail(Errno.ECONNREFUSED);
        } else {
            receiver().connected();
        }
    }

    // ---------------------------------------------------------------- ends

    /** {@return whether arriving bytes must not be delivered now} */
    protected final boolean isHeldBack() {
        return is(PAUSED) && !is(HUNG_UP);
    }

    /** Reports, once, that an end of the stream waits. */
    protected final void tellPeerGone() {
        if (!is(PEER_GONE_TOLD)) {
            set(PEER_GONE_TOLD);
            receiver().peerGone();
        }
    }

    /**
     * The stream has ended.
     *
     * @param error the failure behind the end, or 0. On a Unix socket the peer caused an end of stream even if sending
     *     failed; on TCP it may be the rest of a reset whose error another call got.
     */
    protected final void endOfStream(int error) {
        if (error != 0) {
            fail(error);
            return;
        }
        set(END_TOLD);
        receiver().peerFinished();
        if (!is(DONE)) {
            afterEnd();
        }
    }

    /** The end of the stream was reported: checks whether sending is still possible. */
    protected final void afterEnd() {
        int error = failureBehindEnd();
        if (error != 0) {
            fail(error);
            return;
        }
        ended();
        if (is(HUNG_UP) && queue != null) {
            sendMore();
        }
    }

    protected final int failureBehindEnd() {
        int error = brokenBy;
        if (error == 0 && is(HUNG_UP)) {
            error = LibcSocket.pendingError(scratch(), fd());
            if (error == 0 && is(HUP) && tcp && !outputShutDown) {
                error = Errno.ECONNRESET; // only a reset shuts down the sending direction from the peer's side
            }
        }
        return error;
    }

    /** Reports the failure, as the last event. */
    protected final void fail(int errno) {
        set(DONE);
        letGo();
        receiver().failed(errno);
    }

    /** Drops all work: nothing is sent or delivered any more. */
    protected void letGo() {
        queue = null;
    }

    // ---------------------------------------------------------------- sending

    /** Sends the queue with system calls on this thread. */
    protected final void sendNow(SendQueue bytes) {
        long before = bytes.bytes();
        int result = Sender.send(scratch(), fd(), bytes, MAX_SENDS, zeroCopy());
        long sent = before - bytes.bytes();
        if (result == SENT) {
            queue = null;
            receiver().sent(sent, true);
            return;
        }
        if (result == Sender.MORE) {
            again(SEND_AGAIN);
        } else if (result == WOULD_BLOCK) {
            awaitRoom();
        } else {
            queue = null;
            remember(-result);
        }
        if (sent > 0) {
            receiver().sent(sent, false);
        }
        if (result < 0 && !is(DONE)) {
            sendFailed(-result);
        }
    }

    /** Sending failed: gives up the queue. */
    protected final void sendFailed(int errno) {
        if (is(END_TOLD)) {
            fail(errno);
        } else {
            brokenBy = errno;
            set(HUNG_UP);
            failAfterRest();
        }
    }

    // ---------------------------------------------------------------- turns and closing

    /** Continues in the next turn with work that no event will announce. */
    protected final void again(int what) {
        set(what);
        if (!is(AGAIN)) {
            set(AGAIN);
            turns().add(this);
        }
    }

    /** Continues after a while with work that no event will announce. */
    protected final void againLater(int what) {
        set(what);
        if (!is(AGAIN)) {
            set(AGAIN);
            turns().addStarved(this);
        }
    }

    /** There is no memory to receive into: retries later. Arriving bytes stay in the kernel until then. */
    protected final void starve(int what) {
        if (endsWithoutMemory()) {
            return;
        }
        boolean begins = !is(STARVED);
        set(STARVED);
        againLater(what);
        if (begins) {
            Starvation.began();
        }
    }

    /**
     * {@return whether it has reported the end, as the peer is gone and waiting would only hold memory} Drops what a
     * broken connection has left in the kernel: such connections may hold the memory that is missing.
     */
    protected final boolean endsWithoutMemory() {
        if (is(DONE | END_TOLD)) {
            return is(DONE);
        }
        int error = is(HUNG_UP) ? failureBehindEnd() : 0;
        if (error != 0) {
            fail(error);
        } else if (is(PEER_ENDED) && !is(PAUSED) && !holdsBytes() && LibcSocket.peek(scratch(), fd()) == 0) {
            endOfStream(tcp ? failureBehindEnd() : 0);
        } else {
            return false;
        }
        return true;
    }

    /** {@return whether it holds received bytes that it has not delivered} */
    protected boolean holdsBytes() {
        return false;
    }

    /** There is memory again. */
    protected final void fed() {
        clear(STARVED);
    }

    /** The next turn has come. */
    @Override
    public final void continueTurn() {
        clear(AGAIN);
        if (is(CRASHED)) {
            tellCrash();
            return;
        }
        goOn();
        if (is(SEND_AGAIN) && !is(DONE)) {
            clear(SEND_AGAIN);
            if (queue != null) {
                sendMore();
            }
        }
    }

    /** Continues with what {@link #again} was called for, except sending, which the caller does. */
    protected abstract void goOn();

    /**
     * An event threw: fails. If reporting that throws too, the next turn tries once more; if that also throws, the
     * socket closes, so that at least the peer learns of it.
     */
    @Override
    public final void crashed(Throwable thrown) {
        try {
            if (is(CRASHED)) {
                close(true);
            } else {
                set(CRASHED);
                brokenBy = Crash.errno(thrown);
                tellCrash();
            }
        } catch (Throwable again) {
            again(0);
        }
        Crash.log("socket of the " + backend() + " backend", thrown);
    }

    /** An Error may have interrupted the failing: fails in the next turn. */
    public final void crashAgain() {
        again(0);
    }

    private void tellCrash() {
        if (!is(CLOSED)) {
            fail(brokenBy);
        }
    }

    /** Also completes a close that an Error interrupted. */
    @Override
    public final void close(boolean abort) {
        boolean left = false;
        try {
            if (!is(CLOSED)) {
                deregister();
            }
            left = true;
        } finally {
            closeDescriptor(abort, left);
        }
    }

    /** Leaves the poller and hands over the descriptor. If that fails half-way, the socket is closed. */
    protected final RawSocket leave() throws TransportException {
        boolean left = false;
        try {
            deregister();
            left = true;
        } finally {
            if (!left) {
                closeDescriptor(true, false);
            }
        }
        return surrendered();
    }

    @Override
    public final @Nullable Continuable nextContinued() {
        return nextContinued;
    }

    @Override
    public final void nextContinued(@Nullable Continuable next) {
        nextContinued = next;
    }

    // ---------------------------------------------------------------- flags

    protected final boolean is(int bits) {
        return (flags & bits) != 0;
    }

    protected final void set(int bits) {
        flags |= bits;
    }

    protected final void clear(int bits) {
        flags &= ~bits;
    }
}
