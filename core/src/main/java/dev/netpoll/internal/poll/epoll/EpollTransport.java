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
 * A stream socket of an epoll loop. Registered once, edge-triggered, for all events.
 *
 * <p>Invariants:
 * <ul>
 *   <li>I1. Whenever the loop waits, either the last receive emptied the socket (EAGAIN, or a short read that proves
 *       it: see {@link #UNSURE}), or the transport is paused and {@link #UNREAD}, or it is in one of the poller's lists
 *       of {@link Turns}, or it is past its end. So the next edge is never missed.
 *   <li>I2. Whenever the loop waits with a queue, either the last send on the loop returned EAGAIN, or the transport is
 *       in one of the lists of I1.
 *   <li>I3. Bytes, then the end, then a failure: while bytes may be unread, errors of sending only set
 *       {@link #brokenBy}. So an error that the kernel reports once, to whichever call comes first, is not lost either.
 *   <li>I4. Nothing is reported once {@link #DONE}.
 *   <li>I5. {@link #HUNG_UP} (nothing more can come, nothing can be sent) overrides a pause: little is left in the
 *       kernel, and the failure behind it must be reported.
 * </ul>
 */
final class EpollTransport extends LoopSocket implements Readiness {
    private static final int INTEREST = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET;

    /** The most receiving system calls per transport and turn, so that others get theirs. */
    private static final int MAX_RECEIVES = 16;

    /** An edge came, or reading stopped in the middle, while paused. */
    private static final int UNREAD = OWN;

    private static final int READ_AGAIN = OWN << 1;

    /**
     * A short read proves nothing: only EAGAIN means that the socket is empty.
     *
     * <p>That is the general case. But from a TCP socket created by this library, a call takes all bytes that have
     * arrived, with these exceptions. Each is announced together with the bytes before it, because epoll reads the
     * socket's state when it reports an edge; anything that arrives after that report makes another edge, which the
     * next wait finds:
     * <ul>
     *   <li>A call stops before a byte of urgent data. While that is unread, events have EPOLLPRI; nothing here reads
     *       it out of band. A peer that sends such data once may do so again.
     *   <li>The end of the stream needs another call: EPOLLRDHUP, {@link #PEER_ENDED}.
     *   <li>An error waits behind the bytes: EPOLLERR or EPOLLHUP, {@link #HUNG_UP}.
     *   <li>Signals and the socket's backlog cut a call short only if a full queue of segments does not: then nothing
     *       is left, or it arrives after the call.
     * </ul>
     * A read of a Unix socket may stop between two messages, and an adopted socket may be any kind of stream (MPTCP,
     * kernel TLS, one with earlier urgent data): these always have this bit.
     */
    private static final int UNSURE = OWN << 2;

    /** A short read may have left something. */
    private static final int LOOK_AGAIN = UNSURE | PEER_ENDED | HUNG_UP | PAUSED;

    private @Nullable EpollPoller poller;

    EpollTransport(int fd, boolean tcp, byte @Nullable [] remote) {
        super(fd, tcp, remote);
        if (!tcp) {
            set(UNSURE);
        }
    }

    /** Marks a socket that other code created. Call it before registration. */
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
        // Only now: an unconnected socket would report a hang-up. Adding reports conditions that already hold.
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

    /** Checks the socket itself, as edges may have been lost. */
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

    /** {@return whether reading is paused} If so, reports a peer that is gone. */
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
            starve(READ_AGAIN); // the kernel has no memory
        } else {
            fail((int) -result);
        }
        return false;
    }

    /** The stream is open, and the socket empty for now. */
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

    /** The registered edges report the rest. */
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

    /** On the loop without guard, as only the loop closes, and with the loop's own scratch. */
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
        // Try first: another thread saw EAGAIN, and the edge that answers it may have come and gone before this call.
        // Only after an EAGAIN seen here, on the loop, is an edge sure to find the queue.
        sendMore();
    }

    @Override
    protected void sendMore() {
        SendQueue bytes = queue;
        if (bytes != null) {
            sendNow(bytes);
        }
    }

    /** The next edge continues. */
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
