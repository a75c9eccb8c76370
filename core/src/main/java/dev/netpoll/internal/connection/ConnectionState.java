// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.loop.EventLoop;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The state word of a connection: independent bits, changed by CAS, read by one volatile load.
 *
 * <pre>
 * life:      (none) --thread of onPrepare--> PREPARING --it returned--> PREPARED --loop--> (none)
 *            (none) --loop: it is registered--> LIVE --loop: onConnect returned--> READY
 *            any --any thread: close()--> CLOSING --loop: socket released--> CLOSED --last one out--> ENDED
 *            CLOSING --loop: bytes are owed--> LINGERING, too. While a thread sends, the loop waits for its signal.
 *            any --any thread: abort(), internal error--> CLOSING and ABORTING
 * peer:      (none) --loop: end of stream--> PEER_FINISHED     (none) --loop: hang-up while paused--> PEER_GONE
 *            any --loop: reset, path lost--> BROKEN
 *            PEER_FINISHED --holder of RUNNING, when no run is due for bytes: onInputEnd--> INPUT_ENDED, too
 * start:     STARTING --loop, on a signal: START_TRIED, then--> registered, or given up. If an Error interrupts it, the
 *            loop finds both bits at its next look, and gives the connection up.
 * handler:   idle --thread that finds bytes due--> RUNNING --its thread, at the end--> idle
 *            HANDLER_SET: a new handler has not run yet; it runs at once, to see the bytes that are there.
 *            HANDED_...: a callback was handed to an executor; the executing thread takes one of these bits, and runs
 *            that callback. So it runs once, however often, late or early the executor runs its task.
 *            HANDING_FAILED: an Error interrupted the handling of a rejection; the loop completes it.
 * goodbye:   (none) --loop or handler's thread, peer ended and READY--> DISCONNECTED, with DISCONNECTING meanwhile
 * output:    SENDING: the send role is taken, see {@link SendRole}.   OUTPUT_SHUT: shutdownOutput() was called.
 *            CUT: accepted bytes, or the rest of a partly sent flush, were dropped.
 *            SEND_REFUSED: sending failed; the loop may not know it yet.
 * detach:    DETACHING, with CLOSING: bytes that arrive until the socket is handed over are kept.
 * shutdown:  DRAINING: the server asked to close when idle.
 * </pre>
 *
 * Invariants, cited by tests:
 *
 * <ul>
 *   <li>I1 Bits are only added, except PREPARING, RUNNING, HANDED, DISCONNECTING and SENDING, which their holder
 *       removes, PREPARED, HANDLER_SET, STARTING, HANDING_FAILED and END_FAILED, which the loop removes as it acts on
 *       them, and DETACHING, which the loop removes when handing the socket over has failed. HANDED_PREPARE and
 *       HANDED_RUN are also taken back, with RUNNING, by the loop that closes.
 *   <li>I2 Only the holder of RUNNING touches the reading side of a connection with a handler.
 *   <li>I3 Only the holder of SENDING touches the send queue.
 *   <li>I4 CLOSED is set on the loop, once, after the transport was closed; nothing is delivered afterwards.
 *   <li>I5 ENDED is set once, when CLOSED is set, RUNNING and DISCONNECTING are not, and no goodbye is due. The thread
 *       that sets it ends the connection, see {@link Ending}.
 *   <li>I6 No handler run begins once CLOSING or ENDED is set.
 * </ul>
 */
abstract class ConnectionState extends EventLoop.Resident {
    static final int READY = 1;
    static final int RUNNING = 1 << 1;
    static final int DISCONNECTING = 1 << 2;
    static final int DISCONNECTED = 1 << 3;
    static final int PEER_FINISHED = 1 << 4;
    static final int PEER_GONE = 1 << 5;
    static final int BROKEN = 1 << 6;
    static final int CLOSING = 1 << 7;
    static final int CLOSED = 1 << 8;
    static final int ENDED = 1 << 9;
    static final int DRAINING = 1 << 10;
    static final int ABORTING = 1 << 11;
    static final int SENDING = 1 << 12;
    static final int OUTPUT_SHUT = 1 << 13;
    static final int CUT = 1 << 14;
    static final int DETACHING = 1 << 15;
    static final int PREPARING = 1 << 16;
    static final int LIVE = 1 << 17;
    static final int HANDED_PREPARE = 1 << 18;
    static final int HANDED_RUN = 1 << 19;
    static final int HANDED_GOODBYE = 1 << 20;
    static final int HANDED_END = 1 << 21;
    static final int SEND_REFUSED = 1 << 22;
    static final int HANDLER_SET = 1 << 23;
    static final int LINGERING = 1 << 24;
    static final int PREPARED = 1 << 25;
    static final int STARTING = 1 << 26;
    static final int START_TRIED = 1 << 27;
    static final int HANDING_FAILED = 1 << 28;
    static final int END_FAILED = 1 << 29;
    static final int INPUT_ENDED = 1 << 30;

    /** A callback was handed to an executor, and no thread has taken it yet. */
    static final int HANDED = HANDED_PREPARE | HANDED_RUN | HANDED_GOODBYE | HANDED_END;

    /** The connection is not active if one of these is set. */
    static final int INACTIVE = PEER_FINISHED | PEER_GONE | BROKEN | CLOSING | CLOSED | CUT;

    /** No more bytes come from the peer. */
    static final int PEER_ENDED = PEER_FINISHED | BROKEN;

    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(ConnectionState.class, "state", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private volatile int state;

    /** {@return the state word; one volatile read} */
    final int state() {
        return state;
    }

    /** {@return whether at least one of the bits is set} */
    final boolean has(int bits) {
        return (state & bits) != 0;
    }

    /** Adds bits unless one of {@code unless} is set or all are set already; {@return whether this call added them} */
    final boolean add(int bits, int unless) {
        for (; ; ) {
            int current = state;
            if ((current & unless) != 0 || (current & bits) == bits) {
                return false;
            }
            if (STATE.compareAndSet(this, current, current | bits)) {
                return true;
            }
        }
    }

    /** Adds bits; {@return whether this call added at least one} */
    final boolean add(int bits) {
        return add(bits, 0);
    }

    /** Removes bits; {@return whether at least one of them was set} */
    final boolean remove(int bits) {
        return ((int) STATE.getAndBitwiseAnd(this, ~bits) & bits) != 0;
    }

    /** Adds the bits if the word is still {@code expected}; {@return whether it was} */
    final boolean advance(int expected, int bits) {
        return STATE.compareAndSet(this, expected, expected | bits);
    }
}
