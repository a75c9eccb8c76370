// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.wrapped;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.memory.MemoryLimitException;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The outbound half: passes on so many bytes, and then nothing for a moment. It passes on a copy, as one that changes
 * the bytes does. The holder of the send role calls {@link #send}; the loop, which then holds that role, the rest.
 */
final class ChoppedSending {
    static final int BETWEEN_PAUSES_MAX = 32 * 1024;
    private static final long PAUSE_NANOS = TimeUnit.MICROSECONDS.toNanos(200);
    private static final LongAdder PIECES = new LongAdder();

    private final ChoppedTransport transport;
    private final SplittableRandom random;

    /** How many bytes go before the next pause. */
    private int room;

    /** The end of the pause. */
    private long resumesAt = System.nanoTime();

    /** What the receiver wants sent, or null. Loop, as the next. */
    private @Nullable SendQueue rest;

    /** The copy of its first bytes that the wrapped transport holds, or null. */
    private @Nullable SendQueue lent;

    ChoppedSending(ChoppedTransport transport, SplittableRandom random) {
        this.transport = transport;
        this.random = random;
        room = nextRoom();
    }

    /** {@return how many pieces were passed on, of all transports} */
    static long piecesOfAll() {
        return PIECES.sum();
    }

    private int nextRoom() {
        return 1 + random.nextInt(BETWEEN_PAUSES_MAX);
    }

    long turnAt() {
        return resumesAt;
    }

    private boolean pauses() {
        return System.nanoTime() - resumesAt < 0;
    }

    private void passed(long bytes) {
        room -= (int) bytes;
        if (room == 0) {
            room = nextRoom();
            resumesAt = System.nanoTime() + PAUSE_NANOS;
        }
    }

    int send(SendQueue queue) {
        int result = Transport.SENT;
        while (result == Transport.SENT && !queue.isEmpty()) {
            result = pauses() ? Transport.WOULD_BLOCK : sendPiece(queue);
        }
        return result;
    }

    private int sendPiece(SendQueue queue) {
        SendQueue piece;
        try {
            piece = firstOf(queue);
        } catch (MemoryLimitException e) {
            return -Errno.ENOBUFS;
        } catch (IllegalStateException | InternalError e) { // the user's arena is closed
            return -Errno.EFAULT;
        }
        long length = piece.bytes();
        try {
            return transport.inner().send(piece);
        } finally {
            long taken = length - piece.bytes();
            queue.consume(taken);
            passed(taken);
            piece.clear();
        }
    }

    void sendRest(SendQueue queue) {
        rest = queue;
        goOn();
    }

    void turn() {
        if (!transport.isDone()) {
            goOn();
        }
    }

    private void goOn() {
        SendQueue queue = rest;
        if (queue == null || lent != null) {
            return;
        }
        if (queue.isEmpty()) {
            rest = null;
            transport.receiver().sent(0, true);
            return;
        }
        if (pauses()) {
            transport.poller().later(transport);
            return;
        }
        SendQueue piece;
        try {
            piece = firstOf(queue);
        } catch (MemoryLimitException e) {
            resumesAt = System.nanoTime() + PAUSE_NANOS;
            transport.poller().later(transport);
            return;
        } catch (IllegalStateException | InternalError e) {
            transport.fail(Errno.EFAULT);
            return;
        }
        lent = piece;
        transport.inner().sendRest(piece);
    }

    void sent(long bytes, boolean drained) {
        SendQueue queue = rest;
        if (queue == null) {
            return;
        }
        queue.consume(bytes);
        passed(bytes);
        if (drained) {
            lent = null;
        }
        boolean all = drained && queue.isEmpty();
        if (all) {
            rest = null;
        } else if (drained) {
            transport.poller().again(transport);
        }
        transport.receiver().sent(bytes, all);
    }

    void stop() {
        if (lent != null) {
            transport.inner().stopSending(); // which may tell of what was sent
        }
        letGo();
    }

    /** Holds nothing any more. */
    void letGo() {
        SendQueue piece = lent;
        lent = null;
        rest = null;
        if (piece != null) {
            piece.clear();
        }
    }

    /** If memory of the user's is gone, what comes before it. */
    private SendQueue firstOf(SendQueue queue) {
        PIECES.increment();
        int count = (int) Math.min(room, queue.bytes());
        Block block = SegmentPool.shared().allocate(count);
        int at = 0;
        try {
            for (Segment s = queue.head(); s != null && at < count; s = s.next) {
                int length = Math.min(s.length(), count - at);
                MemorySegment.copy(s.memory, s.start, block.memory(), at, length);
                at += length;
            }
        } catch (IllegalStateException | InternalError e) {
            if (at == 0) {
                throw e;
            }
        } finally {
            if (at == 0) {
                block.release();
            }
        }
        SendQueue first = new SendQueue();
        first.add(Segment.of(block, 0, at));
        return first;
    }
}
