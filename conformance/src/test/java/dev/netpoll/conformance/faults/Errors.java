// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

/** Error numbers that Linux gives when it lacks something, or was interrupted; and who may give them. */
final class Errors {
    static final int EINTR = 4;
    static final int EAGAIN = 11;
    static final int ENOMEM = 12;
    static final int EBUSY = 16;
    static final int ENFILE = 23;
    static final int EMFILE = 24;
    static final int ENOBUFS = 105;

    private static final int[] NONE = {};

    private Errors() {}

    static String name(int errno) {
        return switch (errno) {
            case EINTR -> "EINTR";
            case EAGAIN -> "EAGAIN";
            case ENOMEM -> "ENOMEM";
            case EBUSY -> "EBUSY";
            case ENFILE -> "ENFILE";
            case EMFILE -> "EMFILE";
            case ENOBUFS -> "ENOBUFS";
            default -> "error " + errno;
        };
    }

    /** {@return the text of the C library, which the JDK passes on} */
    static String text(int errno) {
        return switch (errno) {
            case ENOMEM -> "Cannot allocate memory";
            case EMFILE -> "Too many open files";
            case ENOBUFS -> "No buffer space available";
            default -> name(errno);
        };
    }

    /** {@return how the method of the ffi package may fail; empty if Linux never lets it, or nobody could care} */
    static int[] ofCall(String method) {
        return switch (method) {
            case "LibcSocket#socket" -> new int[] {ENOMEM, ENOBUFS, EMFILE};
            case "LibcSocket#connect" -> new int[] {ENOMEM, ENOBUFS, EINTR};
            case "LibcSocket#accept" -> new int[] {EMFILE, ENOMEM, ENOBUFS, EINTR};
            case "LibcSocket#recv" -> new int[] {ENOMEM, ENOBUFS, EINTR};
            case "LibcSocket#send", "LibcSocket#sendmsg" -> new int[] {ENOMEM, ENOBUFS, EINTR};
            case "LibcSocket#bind", "LibcSocket#listen" -> new int[] {ENOMEM};
            case "LibcSocket#shutdown", "LibcSocket#getsockname", "LibcSocket#getpeername", "LibcSocket#getsockopt" ->
                new int[] {ENOBUFS};
            case "LibcSocket#setsockopt", "LibcSocket#setLinger" -> new int[] {ENOMEM, ENOBUFS};
            case "LibcEpoll#create", "LibcEventfd#eventfd", "IoUring#setup" -> new int[] {ENOMEM, EMFILE};
            case "LibcEpoll#add", "LibcEpoll#modify" -> new int[] {ENOMEM};
            case "LibcEpoll#await" -> new int[] {EINTR, ENOMEM};
            case "IoUring#enter", "IoUring#submit" -> new int[] {EINTR, ENOMEM, EAGAIN, EBUSY};
            case "IoUring#registerBuffers", "IoUring#sendMessage" -> new int[] {ENOMEM};
            default -> NONE;
        };
    }

    /** {@return whether a loop waits there for events} */
    static boolean isWait(String site) {
        return site.equals("LibcEpoll#await")
                || site.equals("IoUring#enter")
                || site.equals("IoUring#submit")
                || site.contains(" select");
    }

    /** {@return how an operation of io_uring may fail} */
    static int[] ofOperation(int opcode) {
        return switch (opcode) {
            case 6 -> new int[] {ENOMEM}; // POLL_ADD
            case 13 -> new int[] {EMFILE, ENOMEM, EINTR}; // ACCEPT
            case 9, 26, 47 -> new int[] {ENOMEM, ENOBUFS, EINTR}; // SENDMSG, SEND, SEND_ZC
            case 27 -> new int[] {ENOMEM, EINTR}; // RECV
            default -> NONE;
        };
    }

    /** {@return how a method of the JDK's channels may fail} */
    static int[] ofChannel(String method) {
        return switch (method) {
            case "open" -> new int[] {EMFILE, ENOMEM, ENOBUFS};
            case "accept" -> new int[] {EMFILE, ENOMEM};
            case "connect", "finishConnect", "read", "write", "setOption" -> new int[] {ENOMEM, ENOBUFS};
            case "select", "selectNow" -> new int[] {ENOMEM};
            case "shutdownOutput", "getLocalAddress", "getRemoteAddress" -> new int[] {ENOBUFS};
            default -> NONE;
        };
    }
}
