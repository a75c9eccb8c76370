// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.epoll;

import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLERR;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLET;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLHUP;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLIN;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLOUT;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLPRI;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLRDHUP;

import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.poll.Turns;
import dev.netpoll.internal.poll.posix.LoopSocket;
import dev.netpoll.internal.poll.posix.Sender;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * What a stream socket does on its loop. Registered once, edge-triggered, for everything.
 *
 * <p>Invariants:
 * <ul>
 *   <li>I1. Whenever the loop waits, either the last receive found nothing more (EAGAIN, or a short read that says so:
 *       see {@link #UNSURE}), or the transport is paused and {@link #UNREAD}, or it is in one of the poller's lists of
 *       {@link Turns}, or it is past its end. So the next edge is never missed.
 *   <li>I2. Whenever the loop waits with a queue, either the last send on the loop said EAGAIN, or I1's again list.
 *   <li>I3. Bytes, then the end, then a failure: while bytes may be unread, errors of sending only set
 *       {@link #brokenBy}. An error that the kernel reports once, to whichever call comes first, is so not lost either.
 *   <li>I4. Nothing is reported once {@link #DONE}.
 *   <li>I5. {@link #HUNG_UP} (nothing more can come, nothing can be sent) overrides a pause: what is left in the kernel
 *       is little, and the failure behind it must be told.
 * </ul>
 */
final class EpollTransport extends LoopSocket implements Readiness {
    private static final int INTEREST = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET;

    /** System calls per transport and turn that receive, so that the others get theirs. */
    private static final int MAX_RECEIVES = 16;

    /** An edge came, or reading stopped in the middle, while paused. */
    private static final int UNREAD = OWN;

    private static final int READ_AGAIN = OWN << 1;

    /**
     * A short read says nothing: only EAGAIN says that the socket is empty.
     *
     * <p>In general it says nothing. But of a TCP socket that we made ourselves, a call takes all that has arrived,
     * with these exceptions. Each is announced together with the bytes before it, because epoll looks at the socket's
     * state when it reports an edge; and what arrives after that report makes an edge of its own, which the next wait
     * finds:
     * <ul>
     *   <li>A call stops before a byte of urgent data. While that is unread, events have EPOLLPRI; nobody here reads it
     *       out of band. Who sends such data once, may do it again.
     *   <li>The end of the stream takes a call of its own: EPOLLRDHUP, {@link #PEER_ENDED}.
     *   <li>An error waits behind the bytes: EPOLLERR or EPOLLHUP, {@link #HUNG_UP}.
     *   <li>Signals and the socket's backlog cut a call short only where a full queue of segments does not: then
     *       nothing is left, or it arrives after the call.
     * </ul>
     * A read of a Unix socket may stop between two messages, and an adopted socket may be of any kind that calls itself
     * a stream (MPTCP, TLS of the kernel, another's urgent data): these always are.
     */
    private static final int UNSURE = OWN << 2;

    /** A read that took less than asked for may have left something. */
    private static final int LOOK_AGAIN = UNSURE | PEER_ENDED | HUNG_UP | PAUSED;

    private @Nullable EpollPoller poller;

    EpollTransport(int fd, boolean tcp, byte @Nullable [] remote) {
        super(fd, tcp, remote);
        if (!tcp) {
            set(UNSURE);
        }
    }

    /** Somebody else has made it; before it is registered. */
    EpollTransport foreign() {
        set(UNSURE);
        return this;
    }

    @Override
    protected String backend() {
        return EpollMechanism.NAME;
    }

    // ---------------------------------------------------------------- registration

    void register(EpollPoller target, TransportEvents receiver) throws TransportException {
        if (is(CLOSED)) {
            throw new TransportException("register", Errno.EBADF);
        }
        int added = target.add(this, INTEREST);
        if (added < 0) {
            throw new TransportException("epoll_ctl", -added);
        }
        poller = target;
        receiver(receiver);
    }

    void connect(EpollPoller target, SocketAddress address, TransportEvents receiver) {
        poller = target;
        receiver(receiver);
        int error = startConnecting(target.scratch(), address);
        if (error != 0 && error != Errno.EINPROGRESS) {
            fail(error);
            return;
        }
        // Only now: an unconnected socket would report a hang-up. Adding reports what is already true.
        int added = target.add(this, INTEREST);
        if (added < 0) {
            fail(-added);
        } else if (error == Errno.EINPROGRESS) {
            set(CONNECTING);
        } else {
            connected();
        }
    }

    // ---------------------------------------------------------------- events

    @Override
    public void ready(int bits) {
        if (is(DONE)) {
            return;
        }
        if (is(CONNECTING) && (!finishConnecting((bits & EPOLLHUP) != 0) || is(DONE))) {
            return;
        }
        if ((bits & EPOLLPRI) != 0) {
            set(UNSURE);
        }
        if ((bits & EPOLLRDHUP) != 0) {
            set(PEER_ENDED);
        }
        if ((bits & EPOLLHUP) != 0) {
            set(HUP);
        }
        if ((bits & (EPOLLHUP | EPOLLERR)) != 0) {
            set(HUNG_UP);
        }
        if ((bits & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
            receive();
        }
        if ((bits & EPOLLOUT) != 0 && queue != null && !is(DONE | HUNG_UP)) {
            sendMore();
        }
    }

    @Override
    protected void goOn() {
        if (is(READ_AGAIN) && !is(DONE)) {
            clear(READ_AGAIN);
            receive();
        }
    }

    /** Nobody knows which edges were lost: it looks for itself. */
    void lookAgain() {
        if (!is(DONE | CONNECTING)) {
            again(queue == null ? READ_AGAIN : READ_AGAIN | SEND_AGAIN);
        }
    }

    @Override
    protected Turns turns() {
        return poller().turns;
    }

    // ---------------------------------------------------------------- receiving

    private void receive() {
        if (is(END_TOLD)) {
            afterEnd();
            return;
        }
        for (int i = 0; i < MAX_RECEIVES; i++) {
            if (isStopped() || !receiveSome()) {
                return;
            }
        }
        again(READ_AGAIN);
    }

    /** Whether reading is paused; then says so to the receiver if the peer is gone. */
    private boolean isStopped() {
        if (!isHeldBack()) {
            return is(PAUSED) && poller().receiveBuffer.isCrowded() && endsWithoutMemory();
        }
        set(UNREAD);
        if (is(PEER_ENDED)) {
            tellPeerGone();
        }
        return true;
    }

    /** Receives once. {@return whether there may be more to receive} */
    private boolean receiveSome() {
        EpollPoller owner = poller();
        Block block = owner.receiveBlock();
        if (block == null) {
            starve(READ_AGAIN);
            return false;
        }
        fed();
        int capacity = owner.receiveBuffer.atOnce();
        arriving(true);
        long result = LibcSocket.recv(owner.scratch(), fd(), block.address(), capacity, 0);
        if (result > 0) {
            receiver().received(owner.receiveBuffer.received((int) result));
            arriving(false);
            return !is(DONE) && (result == capacity || is(LOOK_AGAIN));
        }
        arriving(false);
        if (result == 0) {
            endOfStream(tcp ? failureBehindEnd() : 0);
        } else if (result == -Errno.EAGAIN) {
            drained();
        } else if (result == -Errno.EINTR) {
            return true;
        } else if (result == -Errno.ENOMEM || result == -Errno.ENOBUFS) {
            starve(READ_AGAIN); // the kernel's memory
        } else {
            fail((int) -result);
        }
        return false;
    }

    /** The stream is open, and empty for now. */
    private void drained() {
        int error = brokenBy;
        if (error == 0 && is(HUNG_UP)) {
            error = LibcSocket.pendingError(scratch(), fd());
            if (error == 0) {
                clear(HUNG_UP); // an EPOLLERR about something else
                if (queue != null) {
                    again(SEND_AGAIN);
                }
            }
        }
        if (error != 0) {
            fail(error);
        }
    }

    /** The edges that are registered tell the rest. */
    @Override
    protected void ended() {}

    @Override
    protected void failAfterRest() {
        again(READ_AGAIN);
    }

    @Override
    public void pauseReading() {
        set(PAUSED);
    }

    @Override
    public void resumeReading() {
        clear(PAUSED);
        if (is(UNREAD)) {
            clear(UNREAD);
            again(READ_AGAIN);
        }
    }

    // ---------------------------------------------------------------- sending

    /** On the loop, which is the one that closes, without guard and with the loop's own scratch. */
    @Override
    public int send(SendQueue bytes) {
        EpollPoller owner = poller;
        if (owner == null || !owner.memory().isOwner()) {
            return super.send(bytes);
        }
        if (is(CLOSED)) {
            return -Errno.EBADF;
        }
        int result = Sender.send(owner.scratch(), fd(), bytes, Integer.MAX_VALUE, null);
        if (result < 0) {
            remember(-result);
        }
        return result;
    }

    @Override
    public void sendRest(SendQueue bytes) {
        if (is(DONE)) {
            return;
        }
        queue = bytes;
        // Try first: the caller saw EAGAIN on another thread, and the edge that answers it may have come and gone
        // before this call. Only an EAGAIN seen here, on the loop, is sure to be followed by an edge that finds the
        // queue.
        sendMore();
    }

    @Override
    protected void sendMore() {
        SendQueue bytes = queue;
        if (bytes != null) {
            sendNow(bytes);
        }
    }

    /** An edge will tell. */
    @Override
    protected void awaitRoom() {}

    @Override
    public void stopSending() {
        queue = null;
    }

    // ---------------------------------------------------------------- closing

    @Override
    public RawSocket detach() throws TransportException {
        if (is(CLOSED)) {
            throw new TransportException("detach", Errno.EBADF);
        }
        return leave();
    }

    @Override
    protected void deregister() {
        set(CLOSED | DONE);
        queue = null;
        EpollPoller owner = poller;
        if (owner != null) {
            owner.leave(this);
        }
    }

    @Override
    protected Scratch scratch() {
        return poller().scratch();
    }

    private EpollPoller poller() {
        EpollPoller owner = poller;
        if (owner == null) {
            throw new IllegalStateException("not registered: " + this);
        }
        return owner;
    }
}
