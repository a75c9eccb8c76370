// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static dev.netpoll.internal.ffi.IoUring.IORING_CQE_F_MORE;
import static dev.netpoll.internal.ffi.IoUring.IORING_POLL_ADD_MULTI;
import static dev.netpoll.internal.ffi.IoUring.POLLERR;
import static dev.netpoll.internal.ffi.IoUring.POLLHUP;
import static dev.netpoll.internal.ffi.IoUring.POLLOUT;
import static dev.netpoll.internal.ffi.IoUring.POLLRDHUP;

import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.poll.Turns;
import dev.netpoll.internal.poll.posix.LoopSocket;
import dev.netpoll.internal.poll.posix.Opened;
import dev.netpoll.internal.poll.posix.Sender;
import dev.netpoll.internal.poll.posix.ZeroCopySender;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.SocketOptions;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketOption;
import org.jspecify.annotations.Nullable;

/**
 * What a stream socket does on its loop. The kernel receives for it all the time, unless reading is paused, and sends
 * what the loop submits.
 *
 * <p>A send never waits in the kernel ({@code MSG_DONTWAIT}): it is complete when the submission is, so memory is the
 * kernel's only between the two. If the socket is full, {@link Operation#WRITABLE} says when to go on.
 *
 * <ul>
 *   <li>I1. At most one operation of a kind is under way: {@link #RECEIVING}, {@link #SENDING}, {@link #AWAITING_ROOM},
 *       {@link #WATCHING}. So bytes stay in order.
 *   <li>I2. Whenever the loop waits, the socket is {@link #RECEIVING} or past its end, or paused and {@link #WATCHING}.
 *   <li>I3. What {@link #SENDING} points to is freed only after it was submitted.
 *   <li>I4. Bytes, then the end, then a failure: what arrives while paused is {@link #held}, and an error of sending is
 *       told when nothing is left to receive.
 *   <li>I5. Nothing is reported once {@link #DONE}.
 *   <li>I6. {@link #HUNG_UP} (nothing more can come, nothing can be sent) overrides a pause.
 * </ul>
 */
final class UringTransport extends LoopSocket implements Completable {
    /** Receives in a row that filled their buffer, after which a socket gets big ones. */
    private static final int BULK_AFTER = 4;

    /** No end is known yet. */
    private static final int OPEN = -1;

    /** Something held may be delivered. */
    private static final int DELIVER = OWN;

    /** Sending has failed: look whether anything is left to receive. */
    private static final int CHECK = OWN << 1;

    private static final int RECEIVING = OWN << 2;

    /** The receive was cancelled, and has not ended yet. */
    private static final int CANCELLED = OWN << 3;

    private static final int SENDING = OWN << 4;

    /** The send is complete, which is still to be delivered. */
    private static final int SENT_ALREADY = OWN << 5;

    /** The queue is about to be given back: nothing more of it is sent. */
    private static final int LETTING_GO = OWN << 6;

    private static final int AWAITING_ROOM = OWN << 7;
    private static final int WATCHING = OWN << 8;

    /** Receives go to the big buffers. */
    private static final int BULK = OWN << 9;

    /** About to be detached: no receive begins any more, and reading is not paused, so that nothing is held back. */
    private static final int LEAVING = OWN << 10;

    /** No buffer was left to receive into: waits for memory. */
    private static final int RECEIVE_AGAIN = OWN << 11;

    private long token;
    private @Nullable UringPoller poller;

    /** What sends large pieces without copying them, or null. */
    private volatile @Nullable ZeroCopy zeroCopy;

    /** What arrived and may not be delivered, because reading is paused. */
    private @Nullable Segment held;

    /** How the stream ended: 0 or an error number; it is told after what is held. */
    private int end = OPEN;

    /** How many bytes the send under way has. */
    private int sending;

    /** How many receives in a row filled their buffer. */
    private byte full;

    /** How many completions with bytes were announced and not delivered: for {@link #peek} on other threads. */
    private char undelivered;

    UringTransport(Opened opened) {
        this(opened.fd, opened.tcp, opened.remote);
    }

    UringTransport(int fd, boolean tcp, byte @Nullable [] remote) {
        super(fd, tcp, remote);
    }

    @Override
    protected String backend() {
        return UringMechanism.NAME;
    }

    // ---------------------------------------------------------------- registration

    void register(UringPoller target, TransportEvents receiver) throws TransportException {
        if (is(CLOSED)) {
            throw new TransportException("register", Errno.EBADF);
        }
        poller = target;
        receiver(receiver);
        token = target.add(this);
        receive();
        watch();
    }

    void connect(UringPoller target, SocketAddress address, TransportEvents receiver) {
        poller = target;
        receiver(receiver);
        // Not an operation of the ring: a ring may be given up, and connecting is not to begin twice. Waiting may.
        int error = startConnecting(target.scratch(), address);
        if (error != 0 && error != Errno.EINPROGRESS) {
            fail(error);
            return;
        }
        token = target.add(this);
        if (error == Errno.EINPROGRESS) {
            set(CONNECTING);
            awaitRoom();
        } else {
            connected();
            receive();
        }
    }

    // ---------------------------------------------------------------- events

    @Override
    public void arrived(int kind) {
        if (kind == Operation.SEND) {
            set(SENT_ALREADY);
        } else {
            undelivered++; // the batch has not so many places
            arriving(true);
        }
    }

    @Override
    public void arrived() {
        noteArriving();
    }

    /** What was received, or is held, was delivered. */
    private void noteArriving() {
        if (undelivered == 0 && held == null) {
            arriving(false);
        }
    }

    @Override
    protected boolean isArriving() {
        UringPoller owner = poller;
        return (owner != null && owner.holds(token)) || super.isArriving();
    }

    @Override
    public void completed(int kind, int result, int completionFlags) {
        switch (kind) {
            case Operation.RECEIVE, Operation.RECEIVE_BULK -> receiveEnded(kind, result, completionFlags);
            case Operation.SEND -> sendCompleted(result);
            case Operation.WRITABLE -> writable(result);
            case Operation.HANG_UP -> hangUp(result, completionFlags);
            default -> throw new IllegalStateException("operation " + kind + " on " + this);
        }
    }

    @Override
    protected void goOn() {
        if (is(RECEIVE_AGAIN) && !is(DONE)) {
            clear(RECEIVE_AGAIN);
            receive();
        }
        if (is(DELIVER) && !is(DONE)) {
            clear(DELIVER);
            deliver();
        }
        if (is(CHECK) && !is(DONE)) {
            clear(CHECK);
            check();
        }
    }

    @Override
    protected Turns turns() {
        return poller().turns;
    }

    @Override
    public void moved() {
        boolean wasSending = is(SENDING) && !is(SENT_ALREADY);
        boolean wasAwaiting = is(AWAITING_ROOM);
        boolean wasWatching = is(WATCHING);
        clear(RECEIVING | CANCELLED | AWAITING_ROOM | WATCHING);
        if (is(DONE)) {
            return;
        }
        receive();
        if (wasWatching) {
            watch();
        }
        if (wasAwaiting) {
            awaitRoom();
        }
        if (wasSending) { // nothing of it was submitted
            clear(SENDING);
            again(SEND_AGAIN);
        }
    }

    // ---------------------------------------------------------------- receiving

    /** Has the kernel receive, if that is wanted and it does not. */
    private void receive() {
        boolean dropsRest = is(PAUSED)
                && is(HUNG_UP)
                && !is(DONE | CONNECTING | LEAVING)
                && poller().buffers.isCrowded();
        if (dropsRest && endsWithoutMemory()) {
            return;
        }
        boolean wanted = end == OPEN && (!is(PAUSED) || is(HUNG_UP));
        if (wanted && !is(RECEIVING | RECEIVE_AGAIN | DONE | CONNECTING | LEAVING)) {
            set(RECEIVING);
            UringPoller owner = poller();
            boolean crowded = owner.buffers.isCrowded();
            if (crowded) {
                clear(BULK);
            }
            // Of a Unix socket the kernel (seen with 6.18) goes on waiting after the last bytes, though the peer has
            // ended the stream by then, and nothing wakes it any more. A receive that begins anew looks.
            owner.receive(fd(), receiveKind(), token, crowded || !tcp);
        }
    }

    private int receiveKind() {
        return is(BULK) ? Operation.RECEIVE_BULK : Operation.RECEIVE;
    }

    private void stopReceiving() {
        if (is(RECEIVING) && !is(CANCELLED)) {
            set(CANCELLED);
            poller().submissions.cancel(Operation.of(receiveKind(), token));
        }
    }

    @Override
    public void received(int kind, Segment segment, int completionFlags) {
        noteEnd(completionFlags);
        undelivered--;
        if (is(DONE)) {
            segment.free();
        } else {
            fed();
            countFull(kind, segment.length());
            if (held != null || isHeldBack()) {
                hold(segment); // I4
            } else {
                receiver().received(segment);
            }
        }
        noteArriving();
        receive();
    }

    private void receiveEnded(int kind, int result, int completionFlags) {
        noteEnd(completionFlags);
        if (result == -Errno.ENOBUFS) {
            starved(kind);
        } else if (result == -Errno.ENOMEM) {
            starveUnlessDone(); // the kernel's memory
        } else if (result == 0 || isLasting(-result)) {
            if (end == OPEN) {
                end = -result;
            }
            if (!is(DONE)) {
                deliver();
            }
        }
        receive();
    }

    /** First, so that it is known whatever comes of the rest. */
    private void noteEnd(int completionFlags) {
        if ((completionFlags & IORING_CQE_F_MORE) == 0) {
            clear(RECEIVING | CANCELLED);
        }
    }

    private static boolean isLasting(int errno) {
        return errno != Errno.ECANCELED && errno != Errno.EINTR && errno != Errno.EAGAIN;
    }

    /** The kernel has left what arrived in the socket. */
    private void starved(int kind) {
        BufferRing buffers = poller().buffers.of(kind);
        buffers.starved();
        if (!buffers.hasBuffers()) {
            poller().buffers.refused();
            starveUnlessDone();
        }
    }

    private void starveUnlessDone() {
        if (!is(DONE)) {
            starve(RECEIVE_AGAIN);
            watch();
        }
    }

    /** A socket that fills one buffer after the other is given bigger ones. */
    private void countFull(int kind, int length) {
        if (kind != Operation.RECEIVE || is(BULK) || poller().buffers.isCrowded()) {
            return;
        }
        full = (byte) (length >= BufferRings.SMALL ? full + 1 : 0);
        if (full >= BULK_AFTER) {
            stopReceiving();
            set(BULK);
        }
    }

    @Override
    protected boolean holdsBytes() {
        return held != null;
    }

    private void hold(Segment segment) {
        Segment last = held;
        if (last == null) {
            held = segment; // arriving stays set
            return;
        }
        while (last.next != null) {
            last = last.next;
        }
        last.next = segment;
    }

    /** Delivers what is held, then the end, as far as a pause allows. */
    private void deliver() {
        if (end > 0) {
            set(HUNG_UP);
        }
        if (isHeldBack()) {
            if (end == 0) {
                set(PEER_ENDED);
                tellPeerGone();
            }
            return;
        }
        Segment arrived = held;
        if (arrived != null) {
            held = null;
            receiver().received(arrived);
            noteArriving();
        }
        if (end == OPEN || is(END_TOLD | DONE)) {
            return;
        }
        if (isHeldBack()) { // the receiver has paused reading
            deliver();
        } else if (end == 0) {
            endOfStream(tcp ? failureAtEnd() : 0);
        } else {
            fail(end);
        }
    }

    private int failureAtEnd() {
        int error = brokenBy;
        if (error == 0 && !outputShutDown && LibcSocket.getpeername(scratch(), fd()) == -Errno.ENOTCONN) {
            error = Errno.ECONNRESET; // the peer cannot shut our direction down otherwise
        }
        return error;
    }

    /** No receive tells of the peer any more. */
    @Override
    protected void ended() {
        if (end == OPEN) {
            end = 0; // it was told without a receive
        }
        watch();
    }

    @Override
    protected void letGo() {
        letGoOfQueue();
        freeHeld();
    }

    private void freeHeld() {
        Segment unwanted = held;
        held = null;
        Segment.freeAll(unwanted);
    }

    @Override
    public void pauseReading() {
        if (!is(PAUSED | LEAVING)) {
            set(PAUSED);
            if (poller != null && !is(DONE | CONNECTING)) {
                if (!is(HUNG_UP)) {
                    stopReceiving();
                }
                watch();
            }
        }
    }

    @Override
    public void resumeReading() {
        if (is(PAUSED)) {
            clear(PAUSED);
            if (poller != null && !is(DONE)) {
                receive();
                if (held != null || (end != OPEN && !is(END_TOLD))) {
                    again(DELIVER);
                }
            }
        }
    }

    // ---------------------------------------------------------------- hang-up

    /**
     * Waits for a hang-up, which no receive would tell: because there is none, or the stream has ended. Multishot,
     * which tells changes: a single wait would end at once when the peer has finished sending, which is always
     * reported.
     */
    private void watch() {
        if (is(PAUSED | END_TOLD | STARVED) && !is(WATCHING | HUP | DONE)) {
            set(WATCHING);
            long operation = Operation.of(Operation.HANG_UP, token);
            poller().submissions.poll(fd(), IORING_POLL_ADD_MULTI, POLLRDHUP, operation);
        }
    }

    private void hangUp(int bits, int completionFlags) {
        if ((completionFlags & IORING_CQE_F_MORE) == 0) {
            clear(WATCHING);
        }
        if (is(DONE)) {
            return;
        }
        if (bits < 0) {
            watch();
            return;
        }
        if ((bits & POLLRDHUP) != 0) {
            set(PEER_ENDED);
        }
        if ((bits & POLLHUP) != 0) {
            set(HUP | HUNG_UP);
        }
        if ((bits & POLLERR) != 0) {
            int error = LibcSocket.pendingError(scratch(), fd());
            if (error != 0) {
                brokenBy = error;
                set(HUNG_UP);
            }
        }
        if (is(END_TOLD)) {
            afterEnd();
        } else if (is(HUNG_UP)) {
            failAfterRest();
        } else {
            watch();
            if (is(PAUSED) && is(PEER_ENDED)) {
                tellPeerGone();
            }
        }
    }

    @Override
    protected void failAfterRest() {
        receive();
        again(DELIVER);
        if (brokenBy != 0) {
            again(CHECK);
        }
    }

    /** If nothing is left to receive, the failure is told. */
    private void check() {
        int left = (int) LibcSocket.peek(scratch(), fd());
        if (left > 0 || left == -Errno.EINTR) {
            again(CHECK); // the receive under way gets it
        } else if (left == -Errno.EAGAIN) {
            deliver();
            if (!is(DONE)) {
                fail(brokenBy);
            }
        } else {
            stopReceiving(); // it has ended: what begins anew tells, what is under way (seen with 6.18) may not
        }
    }

    // ---------------------------------------------------------------- sending

    /** The loop collects what is to be sent; other threads send themselves. */
    @Override
    public int send(SendQueue bytes) {
        UringPoller owner = poller;
        if (owner == null || !owner.memory().isOwner()) {
            int result = super.send(bytes);
            if (owner != null && zeroCopy != null) {
                owner.wakeForZeroCopy();
            }
            return result;
        }
        if (is(CLOSED)) {
            return -Errno.EBADF;
        }
        if (bytes.borrows()) { // what is the user's may be gone when this returns
            int result = Sender.send(owner.scratch(), fd(), bytes, Integer.MAX_VALUE, zeroCopy);
            if (result < 0) {
                remember(-result);
            }
            return result;
        }
        return bytes.isEmpty() ? SENT : GATHERED;
    }

    @Override
    protected @Nullable ZeroCopySender zeroCopy() {
        return zeroCopy;
    }

    @Override
    public <T> void setOption(SocketOption<T> option, T value) throws IOException {
        if (option == SocketOptions.ZERO_COPY_THRESHOLD && tcp) {
            int threshold = (Integer) value;
            zeroCopy = threshold == 0 ? null : new ZeroCopy(threshold, this);
        } else {
            super.setOption(option, value);
        }
    }

    @Override
    public <T> T getOption(SocketOption<T> option) throws IOException {
        if (option == SocketOptions.ZERO_COPY_THRESHOLD && tcp) {
            ZeroCopy present = zeroCopy;
            return option.type().cast(present == null ? 0 : present.threshold());
        }
        return super.getOption(option);
    }

    /** {@return whether it has its poller: a connection that was adopted may be used before} Any thread. */
    boolean hasPoller() {
        return poller != null;
    }

    /** {@return the ring for sending without copying; once this is registered, any thread} */
    ZeroCopyRing zeroCopyRing() {
        return poller().zeroCopyRing();
    }

    @Override
    public boolean gathersSends() {
        UringPoller owner = poller;
        return owner != null && owner.isBusy();
    }

    @Override
    public void sendRest(SendQueue bytes) {
        if (!is(DONE)) {
            queue = bytes;
            sendMore();
        }
    }

    /** With calls on this thread, where the kernel may not have the memory for longer. */
    private void sendAtOnce(SendQueue bytes) {
        long before = bytes.bytes();
        sendNow(bytes);
        if (queue == bytes && bytes.bytes() == before && !is(DONE)) {
            receiver().sent(0, false); // it was gathered, and is refused
        }
    }

    @Override
    protected void sendMore() {
        SendQueue bytes = queue;
        if (bytes == null || is(SENDING | AWAITING_ROOM)) {
            return;
        }
        Segment head = bytes.head();
        if (head == null) {
            queue = null;
            receiver().sent(0, true);
        } else if (head.block == null) {
            // A user's memory may sit in an arena that somebody closes at any moment, so it can't be the kernel's for
            // longer than a call.
            sendAtOnce(bytes);
        } else {
            ZeroCopySender large = zeroCopy();
            if (large != null && large.takes(head)) {
                sendAtOnce(bytes);
            } else {
                set(SENDING);
                sending = poller().submissions.send(fd(), head, large, Operation.of(Operation.SEND, token));
            }
        }
    }

    private void sendCompleted(int result) {
        clear(SENDING | SENT_ALREADY);
        SendQueue bytes = queue;
        if (bytes == null || is(DONE)) {
            return;
        }
        if (result > 0) {
            bytes.consume(result);
            if (bytes.isEmpty()) {
                queue = null;
                receiver().sent(result, true);
                return;
            }
            boolean all = result == sending;
            if (is(LETTING_GO)) {
                queue = null;
            }
            receiver().sent(result, false); // before what is sent next may be told
            if (queue == null || is(DONE)) {
                return;
            }
            if (all) {
                sendMore();
            } else {
                awaitRoom(); // it takes no more now
            }
        } else if (is(LETTING_GO)) {
            queue = null;
        } else if (result == -Errno.EAGAIN || result == -Errno.EINTR) {
            awaitRoom();
            receiver().sent(0, false);
        } else {
            queue = null;
            remember(-result);
            sendFailed(-result);
        }
    }

    @Override
    protected void awaitRoom() {
        if (!is(AWAITING_ROOM | DONE)) {
            set(AWAITING_ROOM);
            poller().submissions.poll(fd(), 0, POLLOUT, Operation.of(Operation.WRITABLE, token));
        }
    }

    private void writable(int bits) {
        clear(AWAITING_ROOM);
        if (is(DONE)) {
            return;
        }
        if (!is(CONNECTING)) {
            boolean onlyPeerEnded = bits >= 0 && (bits & (POLLOUT | POLLHUP | POLLERR)) == 0;
            if (onlyPeerEnded) {
                againLater(SEND_AGAIN); // the kernel ends each wait for room at once then
            } else {
                sendMore();
            }
        } else if (bits >= 0 && finishConnecting((bits & POLLHUP) != 0)) {
            receive();
        } else {
            awaitRoom();
        }
    }

    @Override
    public void stopSending() {
        letGoOfQueue();
    }

    /** I3: what was collected to be sent is sent first, and told. */
    private void letGoOfQueue() {
        if (is(SENDING)) {
            UringPoller owner = poller();
            owner.submit();
            long operation = Operation.of(Operation.SEND, token);
            if (owner.submissions.withdraw(operation)) { // it could not be submitted, and the memory is about to go
                clear(SENDING);
            }
            if (!is(DONE)) {
                set(LETTING_GO);
                owner.deliverNow(operation);
                clear(LETTING_GO);
            }
        }
        queue = null;
    }

    // ---------------------------------------------------------------- closing

    @Override
    public RawSocket detach() throws TransportException {
        checkNotClosed();
        clear(PAUSED);
        set(LEAVING);
        UringPoller owner = poller;
        if (owner != null && !is(DONE)) {
            deliver();
            if (!is(DONE)) {
                owner.endReceive(this, token);
            }
            checkNotClosed(); // a failure was told, and the receiver closed: the number may be another socket's by now
        }
        return leave();
    }

    private void checkNotClosed() throws TransportException {
        if (is(CLOSED)) {
            throw new TransportException("detach", Errno.EBADF);
        }
    }

    /** {@return whether the kernel may still take bytes out of the socket, and somebody wants them} */
    boolean isReceiving() {
        return is(RECEIVING) && !is(DONE);
    }

    /** The operations hold the socket open, whatever becomes of its descriptor: so they end before. */
    @Override
    protected void deregister() {
        set(CLOSED | DONE);
        queue = null;
        UringPoller owner = poller;
        boolean left = false;
        try {
            freeHeld();
            if (owner != null && isRegistered() && is(RECEIVING | SENDING | AWAITING_ROOM | WATCHING)) {
                owner.submissions.cancelAll(fd());
                owner.finish();
                if (owner.submissions.withdrawAll(fd())) { // I3 of Ring; they end when the ring can be entered again
                    cancelEach(owner.submissions);
                }
            }
            left = true;
        } finally {
            if (owner != null) {
                if (!left) {
                    owner.withdraw(fd());
                }
                owner.remove(this);
            }
        }
    }

    private void cancelEach(Submissions submissions) {
        for (int kind = Operation.RECEIVE; kind <= Operation.HANG_UP; kind++) {
            submissions.cancel(Operation.of(kind, token));
        }
    }

    @Override
    protected Scratch scratch() {
        return poller().scratch();
    }

    private UringPoller poller() {
        UringPoller owner = poller;
        if (owner == null) {
            throw new IllegalStateException("not registered: " + this);
        }
        return owner;
    }
}
