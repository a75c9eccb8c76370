// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static dev.netpoll.internal.ffi.IoUring.POLLERR;
import static dev.netpoll.internal.ffi.IoUring.POLLHUP;
import static dev.netpoll.internal.ffi.IoUring.POLLOUT;

import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.poll.posix.Sender;
import dev.netpoll.internal.poll.posix.ZeroCopySender;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.SocketOptions;
import java.io.IOException;
import java.net.SocketOption;
import org.jspecify.annotations.Nullable;

/**
 * The sending layer of a {@link UringTransport}: the loop collects small sends, and submits them together. Other
 * threads send with system calls, and so does the loop if there is much.
 *
 * <p>A send never waits in the kernel ({@code MSG_DONTWAIT}): it completes during its submission, so the kernel uses
 * the memory only that long. If the socket is full, {@link Operation#WRITABLE} completes when there is room.
 *
 * <pre>
 * send:  (none) --loop: sendMore()--> SENDING --loop: delivers the completion--> (none), and sends the rest
 *        SENDING --loop: moved to another ring after it completed--> SENT_ALREADY, too, so that nothing is sent twice
 *        SENDING --loop: stopSending()--> LETTING_GO, too: submits, delivers the completion--> (none)
 * room:  (none) --loop: the socket is full--> AWAITING_ROOM --loop: delivers WRITABLE--> (none), and sends the rest
 *        (none) --loop: connecting--> AWAITING_ROOM --loop: delivers WRITABLE--> (none), and is connected
 * </pre>
 *
 * <ul>
 *   <li>I1 At most one send and one wait for room are under way: {@link #SENDING}, {@link #AWAITING_ROOM}. So bytes
 *       stay in order. The loop sends by calls only while there is neither.
 *   <li>I2 The memory of a {@link #SENDING} send is freed only after the send was submitted or withdrawn.
 * </ul>
 *
 * <p>Loop only, except {@link #send}, {@link #gathersSends}, the options and what {@link ZeroCopy} calls: any thread.
 */
abstract class SendingSocket extends ReceivingSocket {
    static final int SENDING = ABOVE_RECEIVING;

    /** The send is complete; the completion is not delivered yet. */
    static final int SENT_ALREADY = ABOVE_RECEIVING << 1;

    /** The queue is about to be given back: nothing more of it is sent. */
    private static final int LETTING_GO = ABOVE_RECEIVING << 2;

    static final int AWAITING_ROOM = ABOVE_RECEIVING << 3;

    /** The lowest bit of the layer above. */
    static final int ABOVE_SENDING = ABOVE_RECEIVING << 4;

    /** With more bytes than this, the loop sends at once: gathering saves little, and they would pile up meanwhile. */
    private static final long GATHERED_MAX = 32 << 10;

    /** The sender of large pieces without copying, or null. */
    private volatile @Nullable ZeroCopy zeroCopy;

    /** The number of bytes in the send under way. */
    private int sending;

    SendingSocket(int fd, boolean tcp, byte @Nullable [] remote) {
        super(fd, tcp, remote);
    }

    // ---------------------------------------------------------------- any thread

    /** The loop collects small sends; otherwise the calling thread makes system calls. */
    @Override
    public final int send(SendQueue bytes) {
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
        if (bytes.borrows() || bytes.bytes() > GATHERED_MAX) { // lent memory may be freed when this returns
            int result = Sender.send(owner.scratch(), fd(), bytes, Integer.MAX_VALUE, zeroCopy);
            if (result < 0) {
                remember(-result);
            }
            return result;
        }
        return bytes.isEmpty() ? SENT : GATHERED;
    }

    @Override
    public final boolean gathersSends() {
        UringPoller owner = poller;
        return owner != null && owner.isBusy();
    }

    @Override
    protected final @Nullable ZeroCopySender zeroCopy() {
        return zeroCopy;
    }

    @Override
    public final <T> void setOption(SocketOption<T> option, T value) throws IOException {
        if (option == SocketOptions.ZERO_COPY_THRESHOLD && tcp) {
            int threshold = (Integer) value;
            zeroCopy = threshold == 0 ? null : new ZeroCopy(threshold, this);
        } else {
            super.setOption(option, value);
        }
    }

    @Override
    public final <T> T getOption(SocketOption<T> option) throws IOException {
        if (option == SocketOptions.ZERO_COPY_THRESHOLD && tcp) {
            ZeroCopy present = zeroCopy;
            return option.type().cast(present == null ? 0 : present.threshold());
        }
        return super.getOption(option);
    }

    /** {@return whether it has a poller} An adopted connection may be used before that. Any thread. */
    final boolean hasPoller() {
        return poller != null;
    }

    /** {@return the ring for sending without copying} Only after registration; any thread. */
    final ZeroCopyRing zeroCopyRing() {
        return poller().zeroCopyRing;
    }

    // ---------------------------------------------------------------- sending

    @Override
    public final void sendRest(SendQueue bytes) {
        if (is(DONE)) {
            return;
        }
        queue = bytes;
        Segment head = bytes.head();
        if (head != null && bytes.bytes() > GATHERED_MAX && !isSentAtOnce(head)) {
            again(SEND_AGAIN); // not on the caller's stack
        } else {
            sendMore();
        }
    }

    @Override
    protected final void sendMore() {
        SendQueue bytes = queue;
        if (bytes == null || is(SENDING | AWAITING_ROOM)) {
            return;
        }
        Segment head = bytes.head();
        if (head == null) {
            queue = null;
            receiver().sent(0, true);
        } else if (bytes.bytes() > GATHERED_MAX || isSentAtOnce(head)) {
            sendAtOnce(bytes);
        } else {
            set(SENDING);
            sending = poller().submissions.send(fd(), head, zeroCopy(), Operation.of(Operation.SEND, token));
        }
    }

    /**
     * {@return whether it is sent by a call, and not copied} Lent memory is: its arena may be closed at any moment, so
     * the kernel must use it only during a call. So are pieces that are large enough to be sent without copying.
     */
    private boolean isSentAtOnce(Segment head) {
        ZeroCopySender large = zeroCopy();
        return head.block == null || (large != null && large.takes(head));
    }

    /** Sends a user's memory, or much, with calls on this thread. */
    private void sendAtOnce(SendQueue bytes) {
        long before = bytes.bytes();
        sendNow(bytes);
        if (queue == bytes && bytes.bytes() == before && !is(DONE)) {
            receiver().sent(0, false); // it was gathered, and the kernel takes nothing
        }
    }

    final void sendCompleted(int result) {
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
            receiver().sent(result, false); // before the next send can report
            if (queue == null || is(DONE)) {
                return;
            }
            if (all) {
                sendMore();
            } else {
                awaitRoom(); // the socket takes no more now
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

    // ---------------------------------------------------------------- room

    @Override
    protected final void awaitRoom() {
        if (!is(AWAITING_ROOM | DONE)) {
            set(AWAITING_ROOM);
            poller().submissions.poll(fd(), 0, POLLOUT, Operation.of(Operation.WRITABLE, token));
        }
    }

    /** The socket takes bytes, or is connected. */
    final void writable(int bits) {
        clear(AWAITING_ROOM);
        if (is(DONE)) {
            return;
        }
        if (!is(CONNECTING)) {
            boolean onlyPeerEnded = bits >= 0 && (bits & (POLLOUT | POLLHUP | POLLERR)) == 0;
            if (onlyPeerEnded) {
                againLater(SEND_AGAIN); // the kernel then ends each wait for room at once
            } else {
                sendMore();
            }
        } else if (bits >= 0 && finishConnecting((bits & POLLHUP) != 0)) {
            receive();
        } else {
            awaitRoom();
        }
    }

    // ---------------------------------------------------------------- stopping

    @Override
    public final void stopSending() {
        letGoOfQueue();
    }

    /** Gives up the queue. I2: submits and reports a collected send first. */
    final void letGoOfQueue() {
        if (is(SENDING)) {
            UringPoller owner = poller();
            owner.submit();
            long operation = Operation.of(Operation.SEND, token);
            if (owner.submissions.withdraw(operation)) { // not submitted, and its memory is about to be freed
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
}
