// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.transport.Errno;

/**
 * Answers that a handler leaves to its loop. A handler that runs on its loop, inline or because the loop is lent to it,
 * need not send its answer with a system call of its own: the loop sends it together with the answers of others. And
 * what the kernel does not take at once, such a handler leaves too, as waiting would cost the loop a hand-over.
 *
 * <pre>
 *                                        end of the run: sendKept --> the loop sends it
 *   THREAD --keep, hand over--> KEPT --+ relief of the loop: sendKept --> a signal, then the loop sends it
 *     ^                       silent   + next wait of the handler: hurry --> its thread sends it
 *     |                                + close: the loop sends or drops it (LoopSend)
 *     +------ next flush: take --------+
 * </pre>
 *
 * <ul>
 *   <li>K1 KEPT is silent only while a run of the handler goes on, on the loop or with the loop lent to it. So one of
 *       the four ends above comes, and goes on with the queue. Each leaves KEPT by a CAS: one of them gets it.
 *   <li>K2 A relief that the flush has not seen yet sees KEPT: {@link #keep} sets KEPT (volatile), then looks for the
 *       relief; the relief sets its mark (volatile), then looks for KEPT.
 *   <li>K3 Kept bytes are promised: the flush has returned. If {@link #keep} fails, nothing of the flush is.
 *   <li>K4 No more than {@link #KEPT_MAX} bytes are gathered, and none in memory of the user's, which may be gone when
 *       the flush has returned.
 * </ul>
 *
 * <p>Decision 030 says why this is worth a state of its own.
 */
abstract class KeptAnswers extends LoopSend {
    /** So much may wait for the end of a handler's run, or for its relief. */
    private static final int KEPT_MAX = 16 << 10;

    KeptAnswers(Link link) {
        super(link);
    }

    /** {@return whether the calling thread runs the connection's handler on the loop that it has lent} */
    final boolean hasLentLoop() {
        return link.spares() != null && link.loop().isRelievable();
    }

    /**
     * {@return whether the loop, which the calling thread has lent, better sends so many bytes with those of others}
     */
    final boolean isGathered(long bytes) {
        return bytes <= KEPT_MAX && link.transport().gathersSends();
    }

    /**
     * <i>Holder.</i> Leaves the queue to the loop, which sends it soon; {@return false if it was relieved meanwhile}
     */
    final boolean keep() {
        long before = promised;
        promised = enqueued;
        role = KEPT;
        if (link.loop().isRelievable() || !takeKept(THREAD)) { // K2
            return true;
        }
        promised = before;
        return false;
    }

    /**
     * A handler is about to wait: sends what it has left to its loop, as much of it as the kernel takes.
     *
     * @return whether there was anything
     */
    final boolean hurry() {
        if (!takeKept(THREAD)) {
            return false;
        }
        boolean sound = false;
        try {
            int result = sendNow(false, false); // a failure is the transport's to remember, and cuts the stream
            sound = true;
            if (result == -Errno.ENOBUFS || result == -Errno.ENOMEM) {
                link.giveUp(); // nothing is wrong with the socket, so nobody else tells the peer
            }
        } finally {
            if (!sound) {
                wrecked = true;
                link.loop.looksAtAll = true;
                link.giveUp();
            }
        }
        return true;
    }

    /** The run has ended, or its thread was relieved of the loop; any thread. */
    final void sendKept() {
        if (role == KEPT && link.inLoop()) {
            goOn();
        } else if (role == KEPT) {
            tellLoop();
        }
    }

    /** Sends now what was gathered to be sent with the next wait, as much of it as the kernel takes. */
    final void hurryGathered() {
        boolean sound = false;
        try {
            sendKept();
            if (role == LOOP) {
                link.transport().stopSending(); // which tells what it has gathered
            }
            if (role == LOOP) {
                link.transport().sendRest(queue());
            }
            sound = true;
        } finally {
            if (!sound) { // F5: the caller is a handler, and nobody else would send the rest
                wrecked = true;
                link.loop.looksAtAll = true;
                link.giveUp();
            }
        }
    }
}
