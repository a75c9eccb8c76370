// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Transport;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Moves a queue to the kernel: one segment with send(2), several with sendmsg(2).
 *
 * <p>Pooled blocks are passed by address, as the queue holds references to them. A user may close the arena of its
 * memory at any moment. So such memory goes alone, as a segment: then the linker keeps the arena open during the call.
 */
public final class Sender {
    /** Result of {@link #send}: the limit was reached first. */
    public static final int MORE = 3;

    private Sender() {}

    /**
     * Sends until the queue is empty, the kernel takes no more, or {@code maxCalls} calls were made.
     *
     * @param zeroCopy the sender of large pieces, or null
     * @return {@link Transport#SENT}, {@link Transport#WOULD_BLOCK}, {@link #MORE}, or an error number negated
     */
    public static int send(Scratch scratch, int fd, SendQueue queue, int maxCalls, @Nullable ZeroCopySender zeroCopy) {
        for (int calls = 0; calls < maxCalls; calls++) {
            Segment head = queue.head();
            if (head == null) {
                return Transport.SENT;
            }
            long result = sendSome(scratch, fd, head, zeroCopy);
            if (result >= 0) {
                queue.consume(result);
            } else if (result == -Errno.EAGAIN) {
                return Transport.WOULD_BLOCK;
            } else if (result != -Errno.EINTR) {
                return (int) result;
            }
        }
        return queue.isEmpty() ? Transport.SENT : MORE;
    }

    /** Makes one call, with as many segments as fit. */
    private static long sendSome(Scratch scratch, int fd, Segment head, @Nullable ZeroCopySender zeroCopy) {
        if (head.block == null) {
            return sendUserMemory(scratch, fd, head);
        }
        Segment second = head.next;
        if (zeroCopy != null && zeroCopy.takes(head)) {
            return zeroCopy.send(scratch, fd, head, more(second));
        }
        if (second == null || second.block == null) {
            return LibcSocket.send(scratch, fd, head.address(), head.length(), more(second));
        }
        int parts = 0;
        long bytes = 0;
        Segment s = head;
        while (s != null
                && s.block != null
                && parts < Scratch.IO_VECTORS
                && bytes + s.length() <= Integer.MAX_VALUE
                && (zeroCopy == null || !zeroCopy.takes(s))) {
            scratch.vector(parts++, s.address(), s.length());
            bytes += s.length();
            s = s.next;
        }
        return LibcSocket.sendmsg(scratch, fd, parts, more(s));
    }

    private static long sendUserMemory(Scratch scratch, int fd, Segment head) {
        try {
            MemorySegment bytes = head.memory.asSlice(head.start, head.length());
            return LibcSocket.send(scratch, fd, bytes, more(head.next));
        } catch (IllegalStateException e) {
            return -Errno.EFAULT; // the arena is closed; EFAULT is the kernel's answer to freed memory
        }
    }

    /** {@return MSG_MORE if more follows at once, so that the kernel does not send a small packet now} */
    private static int more(@Nullable Segment next) {
        return next == null ? 0 : LibcSocket.MSG_MORE;
    }
}
