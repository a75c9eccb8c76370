// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * What the instrumented library calls at each place where it can fail. Does nothing unless armed.
 *
 * <p><b>Threads.</b> Any; armed and disarmed by one.
 */
public final class Faults {
    /** Of io_uring: the descriptor that no process has, so that the kernel refuses the operation. */
    private static final long NOBODYS = -1L << 32;

    private static final int EBADF = 9;
    private static final long LOWER = 0xffff_ffffL;

    private static final List<String> SITES = new ArrayList<>();

    private static volatile Arming armed = Arming.NONE;

    /** The error number that takes the place of the next EBADF of io_uring, or 0. */
    private static volatile int refused;

    private Faults() {}

    /** Numbers a place in the code. */
    static int site(String name) {
        synchronized (SITES) {
            SITES.add(name);
            return SITES.size() - 1;
        }
    }

    static String name(int site) {
        synchronized (SITES) {
            return SITES.get(site);
        }
    }

    /** From now on all places are recorded, or a fault strikes. */
    public static void arm(Arming arming) {
        refused = 0;
        armed = arming;
    }

    /** Nothing happens any more. */
    public static void disarm() {
        armed = Arming.NONE;
    }

    // ---- called by instrumented code ----

    /** Memory is about to be allocated. */
    public static void allocation(int site) {
        Arming now = armed;
        if (now != Arming.NONE && now.visit(FaultKind.HEAP, site, NO_ERRNO) != 0) {
            throw new OutOfMemoryError("injected");
        }
    }

    /** A method was entered. */
    public static void entered(int site) {
        Arming now = armed;
        if (now == Arming.NONE) {
            return;
        }
        if (now.visit(FaultKind.OVERFLOW, site, NO_ERRNO) != 0) {
            throw new StackOverflowError("injected");
        }
        if (now.visit(FaultKind.ENTRY, site, NO_ERRNO) != 0) {
            throw new InternalError("injected");
        }
    }

    /** {@return the error number negated with which the system call, which is not made, shall fail; or 0} */
    public static int systemCall(int site) {
        Arming now = armed;
        return now == Arming.NONE ? 0 : -now.visit(FaultKind.SYSTEM, site, Errors.ofCall(name(site)));
    }

    /** A channel of the JDK is about to be used. */
    public static void channelCall(int site) throws IOException {
        Arming now = armed;
        if (now == Arming.NONE) {
            return;
        }
        String name = name(site);
        int errno = now.visit(FaultKind.SYSTEM, site, Errors.ofChannel(name.substring(name.lastIndexOf(' ') + 1)));
        if (errno != 0) {
            throw new IOException(Errors.text(errno) + " (injected)");
        }
    }

    /** {@return the first word of a submission to io_uring, or of one that the kernel refuses} */
    public static long submission(long head, int site) {
        Arming now = armed;
        if (now == Arming.NONE) {
            return head;
        }
        int opcode = (int) head & 0xff;
        int errno = now.visit(FaultKind.SYSTEM, site, Errors.ofOperation(opcode));
        if (errno == 0) {
            return head;
        }
        refused = errno;
        return (head & LOWER) | NOBODYS;
    }

    /** {@return the result and the flags of a completion of io_uring} */
    public static long completion(long result) {
        if (refused != 0 && (int) result == -EBADF) {
            result = (result & ~LOWER) | (-refused & LOWER);
            refused = 0;
        }
        return result;
    }

    private static final int[] NO_ERRNO = {0};
}
