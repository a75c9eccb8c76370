// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.loop.EventLoop.Resident;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The residents that have signalled their loop: a stack whose only memory is a link in each resident.
 *
 * <pre>
 *   idle (next == null) --signaller, CAS--> claimed (next == END) --signaller, CAS of top--> stacked
 *   stacked --loop, takes all--> taken --loop, clears next, then calls signalled()--> idle
 * </pre>
 *
 * <ul>
 *   <li>G1 A resident is in the stack at most once: only the thread that moves its {@code next} from null pushes it.
 *   <li>G2 The loop clears {@code next}, then calls; a signaller that finds it set does nothing more. With the fences
 *       between, a call that has yet to begin sees what a thread did before its signal.
 *   <li>G4 A call that throws has left work undone: {@link #retry} makes the loop call that resident again.
 *   <li>G3 {@link #end} exchanges the top for CLOSED: all residents pushed before are called, and none is pushed later.
 * </ul>
 *
 * <p><b>Threads.</b> {@link #push} any, the others the loop. Nothing allocates.
 */
final class Signals {
    /** Marks the end of a chain, or a closed stack. Never called. */
    private static final class Mark extends Resident {
        @Override
        protected void evict() {
            throw new AssertionError("a mark lives on no loop");
        }
    }

    private static final Resident END = new Mark();
    private static final Resident CLOSED = new Mark();
    private static final VarHandle TOP;
    private static final VarHandle NEXT;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            TOP = lookup.findVarHandle(Signals.class, "top", Resident.class);
            NEXT = lookup.findVarHandle(Resident.class, "next", Resident.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** The resident pushed last; END if the stack is empty. */
    private volatile Resident top = END;

    /** Residents taken and not yet called, oldest first. Loop only. */
    private Resident taken = END;

    /** Residents whose call has thrown. Loop only. */
    private Resident failed = END;

    /** Pushes a resident, unless it is in the stack; {@return false if the loop has ended} */
    boolean push(Resident resident) {
        while (resident.next != null || !link(resident, END)) {
            VarHandle.fullFence(); // G2
            if (resident.next != null) {
                return true;
            }
        }
        Resident seen;
        do {
            seen = top;
            if (seen == CLOSED) {
                resident.next = null;
                return false;
            }
            resident.next = seen;
        } while (!TOP.compareAndSet(this, seen, resident));
        return true;
    }

    /** The only call site: its first use allocates, and handling a call that has thrown must not. */
    private static boolean link(Resident resident, Resident next) {
        return NEXT.compareAndSet(resident, null, next);
    }

    /** Likewise. */
    private Resident replaceTop(Resident by) {
        return (Resident) TOP.getAndSet(this, by);
    }

    /** {@return whether no resident waits for its call} */
    boolean isEmpty() {
        return top == END && taken == END;
    }

    /** Calls the residents that have signalled by now; logs what one of them throws. */
    void run(String loopName) {
        if (taken == END) {
            if (top == END) {
                return;
            }
            taken = reversed(replaceTop(END));
        }
        callTaken(loopName);
    }

    /** {@return whether a call has thrown since the last {@link #retry}} <i>Loop.</i> */
    boolean hasFailed() {
        return failed != END;
    }

    /** Lets {@link #run} call the residents again whose call has thrown (G4). <i>Loop.</i> */
    void retry() {
        Resident last = failed;
        if (last == END) {
            return;
        }
        while (following(last) != END) {
            last = following(last);
        }
        last.next = taken;
        taken = failed;
        failed = END;
    }

    /** Closes the stack, and calls the residents left in it. */
    void end(String loopName) {
        retry();
        callTaken(loopName);
        Resident last = replaceTop(CLOSED); // G3
        if (last != CLOSED) {
            taken = reversed(last);
            callTaken(loopName);
        }
    }

    private void callTaken(String loopName) {
        while (taken != END) {
            Resident first = taken;
            taken = following(first);
            first.next = null;
            VarHandle.fullFence(); // G2
            try {
                first.signalled();
            } catch (Throwable t) {
                if (link(first, failed)) { // otherwise it was pushed again
                    failed = first;
                }
                LoopFailure.SIGNAL_FAILED.log(loopName, t);
            }
        }
    }

    /** Reverses a chain, so that residents are called in the order of their signals. */
    private static Resident reversed(Resident last) {
        Resident first = END;
        Resident current = last;
        while (current != END) {
            Resident before = following(current);
            current.next = first;
            first = current;
            current = before;
        }
        return first;
    }

    private static Resident following(Resident stacked) {
        Resident next = stacked.next;
        return next == null ? END : next; // never null in the stack
    }
}
