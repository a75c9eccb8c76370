// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.epoll;

import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLERR;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLET;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLHUP;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLIN;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLOUT;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLRDHUP;

import dev.netpoll.buffer.MemoryLimitException;
import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.ffi.SockAddr;
import dev.netpoll.internal.poll.Errno;
import dev.netpoll.internal.poll.RawSocket;
import dev.netpoll.internal.poll.SendQueue;
import dev.netpoll.internal.poll.TransportEvents;
import dev.netpoll.internal.poll.TransportException;
import dev.netpoll.internal.poll.socket.Sender;
import dev.netpoll.internal.poll.socket.StreamSocket;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * What a stream socket does on its loop. Registered once, edge-triggered, for everything.
 *
 * <p>Invariants:
 * <ul>
 *   <li>I1. Whenever the loop waits, either the last receive found nothing more (EAGAIN, or a short read of TCP with no
 *       end in sight), or the transport is paused and {@link #UNREAD}, or it is in the poller's again list, or it is
 *       past its end. So the next edge is never missed.
 *   <li>I2. Whenever the loop waits with a queue, either the last send on the loop said EAGAIN, or I1's again list.
 *   <li>I3. Bytes, then the end, then a failure: while bytes may be unread, errors of sending only set
 *       {@link #brokenBy}. An error that the kernel reports once, to whichever call comes first, is so not lost either.
 *   <li>I4. Nothing is reported once {@link #DONE}.
 *   <li>I5. {@link #HUNG_UP} (nothing more can come, nothing can be sent) overrides a pause: what is left in the kernel
 *       is little, and the failure behind it must be told.
 * </ul>
 */
final class EpollTransport extends StreamSocket implements Readiness {
    private static final int INTEREST = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

    /** System calls per transport and turn in each direction, so that the others get theirs. */
    private static final int MAX_RECEIVES = 16;

    private static final int MAX_SENDS = 16;

    // Bits of flags.
    private static final int CONNECTING = 1;
    private static final int PAUSED = 1 << 1;

    /** An edge came, or reading stopped in the middle, while paused. */
    private static final int UNREAD = 1 << 2;

    /** EPOLLRDHUP was seen: an end of stream waits behind the bytes. */
    private static final int PEER_ENDED = 1 << 3;

    /** EPOLLHUP was seen: both directions are shut down. */
    private static final int HUP = 1 << 4;

    private static final int HUNG_UP = 1 << 5;
    private static final int PEER_GONE_TOLD = 1 << 6;
    private static final int END_TOLD = 1 << 7;
    private static final int AGAIN = 1 << 8;
    private static final int READ_AGAIN = 1 << 9;
    private static final int SEND_AGAIN = 1 << 10;

    /** Failed, closed or detached. */
    private static final int DONE = 1 << 11;

    private static final int CLOSED = 1 << 12;

    /** Loop only. */
    private int flags;

    private @Nullable EpollPoller poller;
    private @Nullable TransportEvents events;
    private @Nullable SendQueue queue;

    EpollTransport(int fd, boolean tcp, byte @Nullable [] remote) {
        super(fd, tcp, remote);
    }

    @Override
    protected String backend() {
        return EpollBackend.NAME;
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
        events = receiver;
    }

    void connect(EpollPoller target, SocketAddress address, TransportEvents receiver) {
        poller = target;
        events = receiver;
        int wrong = is(CLOSED) ? Errno.EBADF : SockAddr.check(address);
        if (wrong != 0) {
            fail(wrong);
            return;
        }
        byte[] encoded = SockAddr.encode(address);
        int result = LibcSocket.connect(target.scratch, fd(), encoded);
        // An interrupted connect goes on in the background like one in progress. A Unix socket whose peer has a full
        // queue says EAGAIN: that is a failure, the kernel goes on with nothing.
        boolean started = result == -Errno.EINPROGRESS || result == -Errno.EINTR;
        if (result < 0 && !started) {
            fail(-result);
            return;
        }
        // Only now: an unconnected socket would report a hang-up. Adding reports what is already true.
        int added = target.add(this, INTEREST);
        if (added < 0) {
            fail(-added);
        } else if (started) {
            set(CONNECTING);
        } else {
            connected();
        }
    }

    /** Ends connecting, if that is what the events mean. */
    private void connectFinished(int bits) {
        Scratch scratch = scratch();
        // Before anything else looks at the socket: the error is told only once.
        int error = LibcSocket.pendingError(scratch, fd());
        if (error == 0 && LibcSocket.getpeername(scratch, fd()) < 0) {
            if ((bits & EPOLLHUP) == 0) {
                return; // spurious: still connecting
            }
            error = Errno.ECONNREFUSED;
        }
        clear(CONNECTING);
        if (error != 0) {
            fail(error);
        } else {
            connected();
        }
    }

    private void connected() {
        Scratch scratch = scratch();
        if (LibcSocket.getpeername(scratch, fd()) == 0) {
            remote(scratch.socketAddress());
        }
        if (tcp && isConnectedToItself()) {
            fail(Errno.ECONNREFUSED);
            return;
        }
        receiver().connected();
    }

    // ---------------------------------------------------------------- events

    @Override
    public void ready(int bits) {
        if (is(DONE)) {
            return;
        }
        if (is(CONNECTING)) {
            connectFinished(bits);
            if (is(CONNECTING | DONE)) {
                return;
            }
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

    /** Goes on with what no edge will announce. */
    void continueTurn() {
        clear(AGAIN);
        if (is(READ_AGAIN) && !is(DONE)) {
            clear(READ_AGAIN);
            receive();
        }
        if (is(SEND_AGAIN) && !is(DONE)) {
            clear(SEND_AGAIN);
            if (queue != null) {
                sendMore();
            }
        }
    }

    private void again(int what) {
        set(what);
        if (!is(AGAIN)) {
            set(AGAIN);
            poller().again(this);
        }
    }

    // ---------------------------------------------------------------- receiving

    private void receive() {
        if (is(END_TOLD)) {
            afterEnd();
            return;
        }
        try {
            for (int i = 0; i < MAX_RECEIVES; i++) {
                if (isHeldBack() || !receiveSome()) {
                    return;
                }
            }
        } catch (MemoryLimitException e) {
            fail(Errno.ENOMEM);
            return;
        }
        again(READ_AGAIN);
    }

    /** Whether reading is paused; then says so to the receiver if the peer is gone. */
    private boolean isHeldBack() {
        if (!is(PAUSED) || is(HUNG_UP)) {
            return false;
        }
        set(UNREAD);
        if (is(PEER_ENDED) && !is(PEER_GONE_TOLD)) {
            set(PEER_GONE_TOLD);
            receiver().peerGone();
        }
        return true;
    }

    /** Receives once. {@return whether there may be more to receive} */
    private boolean receiveSome() {
        EpollPoller owner = poller();
        var block = owner.receiveBuffer.block();
        int capacity = block.capacity();
        long result = LibcSocket.recv(owner.scratch, fd(), block.address(), capacity, 0);
        if (result > 0) {
            receiver().received(owner.receiveBuffer.received((int) result));
            // A short read of TCP empties the queue. Not so at an end, which takes a read of its own, and not on Unix
            // sockets, where a read may stop between two messages.
            return !is(DONE) && (result == capacity || !tcp || is(PEER_ENDED | HUNG_UP | PAUSED));
        }
        if (result == 0) {
            endOfStream();
        } else if (result == -Errno.EAGAIN) {
            drained();
        } else if (result == -Errno.EINTR) {
            return true;
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

    private void endOfStream() {
        // The end that the kernel shows on a Unix socket is the peer's doing even if sending failed. On TCP it may be
        // what is left of a reset whose error another call got.
        int error = tcp ? failureBehindEnd() : 0;
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

    /** The end of the stream was told; can we still send? */
    private void afterEnd() {
        int error = failureBehindEnd();
        if (error != 0) {
            fail(error);
        } else if (is(HUNG_UP) && queue != null) {
            sendMore();
        }
    }

    private int failureBehindEnd() {
        int error = brokenBy;
        if (error == 0 && is(HUNG_UP)) {
            error = LibcSocket.pendingError(scratch(), fd());
            if (error == 0 && is(HUP) && tcp && !outputShutDown) {
                error = Errno.ECONNRESET; // the peer cannot shut our direction down otherwise
            }
        }
        return error;
    }

    /** The last event. */
    private void fail(int errno) {
        set(DONE);
        queue = null;
        receiver().failed(errno);
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
        int result = Sender.send(owner.scratch, fd(), bytes, Integer.MAX_VALUE);
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
        // before
        // this call. Only an EAGAIN seen here, on the loop, is sure to be followed by an edge that finds the queue.
        sendMore();
    }

    private void sendMore() {
        SendQueue bytes = queue;
        if (bytes == null) {
            return;
        }
        long before = bytes.bytes();
        int result = Sender.send(scratch(), fd(), bytes, MAX_SENDS);
        long sent = before - bytes.bytes();
        if (result == SENT) {
            queue = null;
            receiver().sent(sent, true);
            return;
        }
        if (result == Sender.MORE) {
            again(SEND_AGAIN);
        } else if (result < 0) {
            queue = null;
            remember(-result);
        }
        if (sent > 0) {
            receiver().sent(sent, false);
        }
        if (result < 0 && !is(DONE)) {
            if (is(END_TOLD)) {
                fail(-result);
            } else {
                brokenBy = -result;
                set(HUNG_UP);
                again(READ_AGAIN); // what has arrived is delivered first
            }
        }
    }

    @Override
    public void stopSending() {
        queue = null;
    }

    // ---------------------------------------------------------------- closing

    @Override
    public void close(boolean abort) {
        if (is(CLOSED)) {
            return;
        }
        deregister();
        closeDescriptor(abort);
    }

    @Override
    public RawSocket detach() throws TransportException {
        if (is(CLOSED)) {
            throw new TransportException("detach", Errno.EBADF);
        }
        deregister();
        return new RawSocket(surrender(), null);
    }

    private void deregister() {
        set(CLOSED | DONE);
        queue = null;
        EpollPoller owner = poller;
        if (owner != null) {
            owner.remove(this);
        }
    }

    // ---------------------------------------------------------------- fields

    private boolean is(int bits) {
        return (flags & bits) != 0;
    }

    private void set(int bits) {
        flags |= bits;
    }

    private void clear(int bits) {
        flags &= ~bits;
    }

    private Scratch scratch() {
        return poller().scratch;
    }

    private EpollPoller poller() {
        EpollPoller owner = poller;
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
