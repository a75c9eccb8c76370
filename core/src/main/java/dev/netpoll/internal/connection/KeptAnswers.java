// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.transport.Errno;

/**
 * Lets a handler leave its answers to its loop. A handler that runs on its loop, inline or with the loop lent to it,
 * needs no system call for its answer: the loop sends it together with the answers of others. Such a handler also
 * leaves what the kernel does not take at once, as waiting would cost the loop a hand-over.
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
 *       the four ends above follows and takes the queue. Each leaves KEPT by a CAS, so only one gets it.
 *   <li>K2 Either the flush sees a relief, or the relief sees KEPT: {@link #keep} sets KEPT (volatile), then checks for
 *       a relief; the relief sets its mark (volatile), then checks for KEPT.
 *   <li>K3 Kept bytes are promised, as their flush has returned. If {@link #keep} fails, no byte of the flush is
 *       promised.
 *   <li>K4 At most {@link #KEPT_MAX} bytes are gathered, and none in the user's memory, which may be gone after the
 *       flush returns.
 * </ul>
 *
 * <p>Decision 030 says why this is worth a state of its own.
 */
abstract class KeptAnswers extends LoopSend {
    /** How many bytes may wait for the end of a handler's run, or for its relief. */
    private static final int KEPT_MAX = 16 << 10;

    KeptAnswers(Link link) {
        super(link);
    }

    /** {@return whether the calling thread runs the connection's handler with the loop lent} */
    final boolean hasLentLoop() {
        return link.spares() != null && link.loop().isRelievable();
    }

    /** {@return whether the lent loop should send these bytes together with those of others} */
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
     * A handler is about to wait: sends what it left to its loop, as far as the kernel takes it.
     *
     * @return whether there was anything to send
     */
    final boolean hurry() {
        if (!takeKept(THREAD)) {
            return false;
        }
        boolean sound = false;
        try {
            int result = sendNow(false, false); // the transport remembers a failure, and the stream is cut
            sound = true;
            if (result == -Errno.ENOBUFS || result == -Errno.ENOMEM) {
                link.giveUp(); // the socket is fine, so nothing else would end the connection
            } else if (result == -Errno.EFAULT) { // likewise; the flush that lent the memory waits, and says so
                link.noteErrno(Errno.EFAULT);
                link.cut(EndReason.SEND_FAILED); // even if nothing of it went out, as it could not tell
            }
            if (result >= 0 || result == -Errno.EFAULT) {
                wake(); // that flush may be another thread's; after other failures the loop wakes it, and knows them
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

    /** Sends now what was gathered for the next wait, as far as the kernel takes it. */
    final void hurryGathered() {
        boolean sound = false;
        try {
            sendKept();
            if (role == LOOP) {
                link.transport().stopSending(); // this reports what it has gathered
            }
            if (role == LOOP) {
                link.transport().sendRest(queue());
            }
            sound = true;
        } finally {
            if (!sound) { // F5: the caller is a handler, and nothing else would send the rest
                wrecked = true;
                link.loop.looksAtAll = true;
                link.giveUp();
            }
        }
    }
}
