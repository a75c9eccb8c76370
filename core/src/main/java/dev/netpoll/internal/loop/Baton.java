// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The right to drive an event loop. One driver has it at a time, and can lose it while not using it.
 *
 * <pre>
 *              take                        lend (driver)
 *   OFFERED ----------> HELD ---------------------------> LENT
 *      ^  ^  <---------   |  <---------------------------  |
 *      |  |     offer     |            reclaim             |
 *      |  |     (driver)  | idle (driver)                  |
 *      |  |               v                                |
 *      |  +------------- IDLE                              |
 *      |     awaken (supervisor)                           |
 *      +---------------------------------------------------+
 *            pass: from OFFERED, LENT, or HELD by its own driver, to OFFERED of the next epoch
 * </pre>
 *
 * <ul>
 *   <li>B1 Each driver has one epoch, and moves the baton only within it; {@code pass} begins the next epoch, for one
 *       new driver. So a relieved driver never holds the baton again: its CAS fails.
 *   <li>B2 Only the driver of the current epoch touches the loop's state, and only while HELD. Every way into HELD is a
 *       successful CAS, every way out a volatile store or CAS: the actions of one driver happen-before those of the
 *       next.
 * </ul>
 */
final class Baton {
    static final int OFFERED = 0;
    static final int HELD = 1;
    static final int LENT = 2;
    static final int IDLE = 3;

    private static final int STATE_BITS = 2;
    private static final int STATE_MASK = (1 << STATE_BITS) - 1;

    private static final VarHandle WORD;

    static {
        try {
            WORD = MethodHandles.lookup().findVarHandle(Baton.class, "word", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private volatile long word;

    /** {@return epoch and state} */
    long word() {
        return word;
    }

    static int state(long word) {
        return (int) word & STATE_MASK;
    }

    static long epoch(long word) {
        return word >>> STATE_BITS;
    }

    private static long word(long epoch, int state) {
        return epoch << STATE_BITS | state;
    }

    /** {@return whether the driver of this epoch holds it} */
    boolean isHeld(long epoch) {
        return word == word(epoch, HELD);
    }

    /** <i>Driver.</i> Takes the offered baton; {@return false if it was passed on meanwhile} */
    boolean take(long epoch) {
        return WORD.compareAndSet(this, word(epoch, OFFERED), word(epoch, HELD));
    }

    /** <i>Holder.</i> Lends the baton while user code runs. */
    void lend(long epoch) {
        word = word(epoch, LENT);
    }

    /** <i>Driver.</i> Takes the baton back after user code; {@return false if it was passed on meanwhile} */
    boolean reclaim(long epoch) {
        return WORD.compareAndSet(this, word(epoch, LENT), word(epoch, HELD));
    }

    /** <i>Holder.</i> Offers the baton while the driver yields its processor. */
    void offer(long epoch) {
        word = word(epoch, OFFERED);
    }

    /** <i>Holder.</i> The driver has nothing to do, and parks until awakened. */
    void idle(long epoch) {
        word = word(epoch, IDLE);
    }

    /** {@return whether this epoch's driver has lent it, and it was not passed on} */
    boolean isLent(long epoch) {
        return word == word(epoch, LENT);
    }

    boolean isIdle(long epoch) {
        return word == word(epoch, IDLE);
    }

    /** There is work; {@return whether the driver was idle and so must be woken} */
    boolean awaken() {
        long seen = word;
        return state(seen) == IDLE && WORD.compareAndSet(this, seen, word(epoch(seen), OFFERED));
    }

    /** Offers it to the driver of the next epoch; {@return false if the word is no longer {@code seen}} */
    boolean pass(long seen) {
        return WORD.compareAndSet(this, seen, word(epoch(seen) + 1, OFFERED));
    }
}
