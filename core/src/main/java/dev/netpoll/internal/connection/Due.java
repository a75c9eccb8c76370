// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.BROKEN;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.HANDLER_SET;
import static dev.netpoll.internal.connection.ConnectionState.INPUT_ENDED;
import static dev.netpoll.internal.connection.ConnectionState.PEER_FINISHED;
import static dev.netpoll.internal.connection.ConnectionState.READY;
import static dev.netpoll.internal.connection.ConnectionState.RUNNING;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.FrameTooLargeException;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.transport.Transport;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * Decides whether a run of the handler is due. No other class does.
 *
 * <p>A run is due
 * <ul>
 *   <li>D1 when a new handler has not run yet (HANDLER_SET);
 *   <li>D2 without framing, when the bytes that the last run waits for have come: what it demanded; else one byte more
 *       than it consumed, or, if it consumed nothing, one more than it has seen;
 *   <li>D3 with framing, when the next frame is complete, or its length is refused;
 *   <li>D7 when the peer has finished and none of the above holds any more: then the run calls onInputEnd, once.
 * </ul>
 *
 * <p>A run that is due does not begin
 * <ul>
 *   <li>D4 during another run (RUNNING), while another thread reads (B3 of {@link Delivery}), or once CLOSING is set;
 *   <li>D5 while the kernel has not taken the output that the run before left ({@link Outbound#isStuck});
 *   <li>D6 while too much output is unsent, if handlers are inline: they cannot wait for it.
 * </ul>
 *
 * <p>{@link Delivery} holds the awaited stream position, and wakes a blocked reader or asks for a run when the bytes
 * reach it. This class sets it between runs.
 *
 * <p><b>Threads.</b> {@link #isRunDue}: any. Methods that begin and end a run: the holder of RUNNING.
 */
abstract class Due extends Link implements Connection {
    private static final VarHandle CONSUMED_AT;

    static {
        try {
            CONSUMED_AT = MethodHandles.lookup().findVarHandle(Due.class, "consumedAt", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    final Inbound inbound;
    final Outbound outbound;

    private volatile @Nullable ConnectionHandler handler;

    /** The handler that ran last. Holder of RUNNING only. */
    private @Nullable ConnectionHandler lastRan;

    /** Stream position up to which the last run has consumed. */
    private volatile long consumedAt;

    /** With framing: the end of the run's frame; REFUSED; or 0 if no frame is complete. Holder of RUNNING. */
    private long frameEnd;

    /** Bytes that the handler demanded for its next run, or 0. The reading side's user only. */
    private int demanded;

    /** Whether the handler did not run, or returned, because too much output is unsent. Loop only, inline only. */
    private boolean throttled;

    /** Whether the last run stopped because of unsent output, so that it must go on. Loop only, inline only. */
    private boolean heldBack;

    Due(EventLoop loop, Transport transport, ConnectionConfig config) {
        super(loop, transport, config);
        handler = config.request();
        inbound = new Inbound(this);
        outbound = new Outbound(this);
    }

    @Override
    final ConnectionTimer makeTimer() {
        return new ConnectionTimer(this, inbound, outbound);
    }

    final Inbound inbound() {
        return inbound;
    }

    final Outbound outbound() {
        return outbound;
    }

    // ---- any thread ----

    final void setHandler(ConnectionHandler replacement) {
        add(HANDLER_SET); // first: a connection with a handler closes itself, but not before that has run
        handler = replacement;
        add(HANDLER_SET); // again: a run that began in between has taken the bit for the old handler
        if (has(READY)) {
            signal();
        }
    }

    @Override
    final boolean hasHandler() {
        return handler != null;
    }

    /** {@return the handler that was set last} */
    final @Nullable ConnectionHandler handler() {
        return handler;
    }

    /** {@return whether a run is due, though it may have to wait (D4 to D6)} */
    final boolean isRunDue() {
        return handler != null && (has(HANDLER_SET) || inbound.hasCome() || isInputEndDue());
    }

    /** {@return whether the peer has finished, no run is due for its bytes, and onInputEnd has not been called} D7 */
    final boolean isInputEndDue() {
        return (state() & (PEER_FINISHED | INPUT_ENDED | HANDLER_SET)) == PEER_FINISHED
                && config().inputEnd() != null
                && !inbound.hasCome();
    }

    @Override
    final void readerLeft() {
        if (isRunDue()) {
            signal();
        }
    }

    /** {@return whether earlier output permits a run to begin} D5 */
    final boolean isOutputClear() {
        return config().pace() == null || !outbound.isStuck();
    }

    /** {@return whether the handler has consumed everything that was delivered} */
    final boolean isConsumed() {
        return consumedAt == inbound.delivered();
    }

    @Override
    public final void demand(int bytes) throws FrameTooLargeException {
        if (bytes <= 0) {
            throw new IllegalArgumentException("demand must be positive: " + bytes);
        }
        inbound.checkFrame(bytes);
        demanded = bytes;
    }

    // ---- D6, on the loop ----

    /** Checks whether too much output is unsent for an inline run, and remembers the result; {@return that result} */
    final boolean holdBack() {
        throttled = true; // first: from now on drained output asks for the run
        throttled = !outbound.isWritable();
        return throttled;
    }

    /** A handler found that too much output is unsent: it may return, and runs again when output is gone. */
    final void foundUnwritable() {
        heldBack = has(RUNNING);
    }

    /** {@return whether a run waits for output to be sent} */
    final boolean isHeldForOutput() {
        return throttled;
    }

    /** {@return whether the handler waits for output that can still be sent} */
    final boolean isThrottled() {
        return throttled && !has(BROKEN | CLOSED);
    }

    // ---- a run, on the holder of RUNNING ----

    /** The beginning run is that of the newest handler. Call this before reading which one that is. */
    final void forgetHandlerSet() {
        if (has(HANDLER_SET)) {
            remove(HANDLER_SET);
        }
    }

    /** {@return whether a run can begin: it continues one that was held back, or its frame is complete} */
    final boolean canBegin() {
        return heldBack || isFrameWhole();
    }

    /** {@return whether the last run was held back, so that the next one continues it} */
    final boolean goesOn() {
        return heldBack;
    }

    /** Begins a run of {@code current} if one is due; {@return whether it has begun: {@link #endRun} must follow} */
    final boolean beginRun(ConnectionHandler current) {
        boolean fresh = heldBack || current != lastRan;
        if (!canBegin() || !(fresh || inbound.hasCome())) {
            return false;
        }
        inbound.awaitNothing();
        demanded = 0;
        inbound.take();
        lastRan = current;
        heldBack = false;
        return true;
    }

    /** Begins the run of onInputEnd, in the place of one of the handler: {@link #endRun} must follow. */
    final void beginInputEnd() {
        add(INPUT_ENDED);
        inbound.awaitNothing();
        demanded = 0;
        inbound.take();
    }

    /** It ran once: what it found about unsent output makes no run go on. */
    final void endInputEnd() {
        heldBack = false;
    }

    /** {@return whether {@code current} has not run yet, so that its run is due regardless of bytes} */
    final boolean isNew(@Nullable ConnectionHandler current) {
        return current != lastRan;
    }

    /**
     * A run has ended: frees what it consumed, and sets what the next one waits for.
     *
     * @param next the handler of the next run, or null if there is none: then only threads outside of runs read
     */
    final void endRun(@Nullable ConnectionHandler next) {
        if (next == null) {
            inbound.giveBackUnhandled();
        } else if (isFramed() && !heldBack) {
            endFrame();
        } else {
            awaitMore(next != lastRan || heldBack);
        }
    }

    /** {@return whether another run is due at once; {@code before} was the handler when the last run ended} */
    final boolean isDueAgain(@Nullable ConnectionHandler before) {
        ConnectionHandler latest = handler; // a handler set meanwhile has found RUNNING set
        return latest != null
                && isOutputClear()
                && (heldBack || latest != before || inbound.hasCome() || isInputEndDue())
                && !throttled;
    }

    /**
     * D2. Bytes are fresh if the next handler has not seen them: it is another one, or the run was held back. A handler
     * that consumes something may have handled the first of several messages, so it runs again at once. One that
     * consumes nothing waits for a byte that it has not seen, so it does not spin.
     */
    private void awaitMore(boolean fresh) {
        inbound.giveBack();
        long consumed = inbound.consumed();
        boolean seen = !fresh && consumed == consumedAt;
        CONSUMED_AT.setRelease(this, consumed); // awaiting, which follows, is a full fence
        boolean demands = demanded > 0;
        inbound.awaitPosition(demands ? consumed + demanded : (seen ? inbound.taken() : consumed) + 1, demands);
    }

    // ---- D3, on the holder of RUNNING ----

    /** {@return whether each run is for one frame} */
    private boolean isFramed() {
        return config().frames() != null;
    }

    /**
     * With framing, checks whether the next frame is complete, or refused, so that a run may begin. Otherwise sets how
     * many bytes to wait for. Without framing always true.
     */
    private boolean isFrameWhole() {
        FrameLayout frames = config().frames();
        if (frames == null || frameEnd != 0) {
            return true;
        }
        boolean nested = inbound.isHolder();
        if (!nested && !inbound.hold()) {
            return true; // the thread that reads also keeps the run out
        }
        try {
            return findFrame(frames);
        } finally {
            if (!nested) {
                inbound.letGo();
            }
        }
    }

    private boolean findFrame(FrameLayout frames) {
        inbound.take();
        long there = inbound.unread();
        long begin = inbound.consumed();
        long length = there == 0 ? FrameLayout.UNKNOWN : frames.length(inbound.buffer(), there);
        if (length == FrameLayout.REFUSED || (length != FrameLayout.UNKNOWN && length <= there)) {
            frameEnd = length == FrameLayout.REFUSED ? length : begin + length;
            inbound.awaitPosition(inbound.taken(), false); // this position has come, so a run is due
            return true;
        }
        // A frame that has begun overrides the mark, so wait for its first byte alone, too.
        long next = there == 0 ? 1 : Math.max(frames.lengthBytesMin(), there + 1);
        inbound.awaitPosition(begin + (length == FrameLayout.UNKNOWN ? next : length), there > 0);
        return false;
    }

    /** {@return the exception for the run's frame if its length is refused, else null} */
    final @Nullable FrameTooLargeException refusal() {
        FrameLayout frames = config().frames();
        return frames == null || frameEnd != FrameLayout.REFUSED
                ? null
                : ConnectionErrors.refused(this, frames.refusal(inbound.buffer()));
    }

    /** Skips the rest of the run's frame, and looks for the next one. */
    private void endFrame() {
        long left = frameEnd - inbound.consumed();
        if (left > 0) {
            inbound.buffer().skip(left);
        }
        frameEnd = 0;
        inbound.giveBack();
        consumedAt = inbound.consumed();
        if (!has(CLOSING)) {
            boolean _ = isFrameWhole();
        }
    }
}
