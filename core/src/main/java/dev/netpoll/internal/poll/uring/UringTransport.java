// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static dev.netpoll.internal.ffi.IoUring.IORING_CQE_F_MORE;
import static dev.netpoll.internal.ffi.IoUring.POLLERR;
import static dev.netpoll.internal.ffi.IoUring.POLLHUP;
import static dev.netpoll.internal.ffi.IoUring.POLLRDHUP;

import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.poll.posix.Opened;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * A stream socket on its loop, from its registration to its end. One object in layers: {@link ReceivingSocket}
 * receives, {@link SendingSocket} sends. This class registers and connects, hands each completion to its layer, notices
 * that the peer is gone, moves to another ring, and leaves.
 *
 * <pre>
 * start:  open --loop: register()--> receives
 *         open --loop: connect()--> CONNECTING --loop: delivers WRITABLE--> receives, or fails
 * end:    receives --loop: delivers the peer's end--> END_TOLD: may still send --loop: hang-up with an error--> fails
 *         receives --loop: a send has failed, or hang-up--> HUNG_UP --loop: delivers what is left--> fails
 *         fails: DONE, lets go of what it holds, reports the error
 * leave:  any --loop: close()--> CLOSED, DONE --loop: its operations have ended--> the descriptor is closed
 *         any --loop: detach()--> LEAVING --loop: its receive has ended, all is delivered--> CLOSED, DONE
 * </pre>
 *
 * <ul>
 *   <li>I1 A failure comes last: a send error waits until nothing is left to receive. See I3 of {@link
 *       ReceivingSocket}.
 *   <li>I2 Nothing is reported once {@link #DONE}.
 *   <li>I3 {@link #HUNG_UP} (nothing more can come, nothing can be sent) overrides a pause.
 *   <li>I4 Operations hold the socket open in the kernel, even after its descriptor was closed. So they end before the
 *       descriptor is closed or handed over.
 * </ul>
 *
 * <p>Loop only, unless the layers say otherwise.
 */
final class UringTransport extends SendingSocket {
    /** Sending has failed: check whether bytes are left to receive. */
    private static final int CHECK = ABOVE_SENDING;

    UringTransport(Opened opened) {
        this(opened.fd, opened.tcp, opened.remote);
    }

    UringTransport(int fd, boolean tcp, byte @Nullable [] remote) {
        super(fd, tcp, remote);
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
        // Not an operation of the ring: the ring may be replaced, and connecting must not begin twice. Waiting may.
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
            receiveArrived();
        }
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
        goOnReceiving();
        if (is(CHECK) && !is(DONE)) {
            clear(CHECK);
            check();
        }
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
        if (wasSending) { // it was never submitted
            clear(SENDING);
            again(SEND_AGAIN);
        }
    }

    // ---------------------------------------------------------------- hang-up and failure

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

    /** Reports the failure if nothing is left to receive (I1). */
    private void check() {
        int left = (int) LibcSocket.peek(scratch(), fd());
        if (left > 0 || left == -Errno.EINTR) {
            again(CHECK); // the receive under way gets the bytes
        } else if (left == -Errno.EAGAIN) {
            deliver();
            if (!is(DONE)) {
                fail(brokenBy);
            }
        } else {
            stopReceiving(); // it has ended: a new receive reports that, the current one may not (seen with 6.18)
        }
    }

    @Override
    protected void letGo() {
        letGoOfQueue();
        freeHeld();
    }

    // ---------------------------------------------------------------- leaving

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
            checkNotClosed(); // a failure was reported, and the receiver closed: another socket may have the number
        }
        return leave();
    }

    private void checkNotClosed() throws TransportException {
        if (is(CLOSED)) {
            throw new TransportException("detach", Errno.EBADF);
        }
    }

    /** I4: ends the operations first, whatever becomes of the descriptor. */
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
                    owner.submissions.cancelEach(token);
                }
            }
            left = true;
        } finally {
            if (owner != null) {
                if (!left) {
                    owner.withdraw(fd(), token);
                }
                owner.remove(this);
            }
        }
    }
}
