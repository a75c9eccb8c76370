// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.wrapped;

import dev.netpoll.internal.memory.Segment;
import dev.netpoll.memory.MemoryLimitException;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.LongAdder;

/**
 * The inbound half: holds what the wrapped transport delivers, and hands it on in pieces, some each turn. Meanwhile the
 * wrapped transport is paused. Loop, except {@link #holdsBytes}.
 */
final class ChoppedReceiving {
    static final int PIECE_MAX = 8 * 1024;

    /** While memory is used up. */
    private static final int CROWDED_MAX = 4 * 1024;

    private static final int PIECES_A_TURN = 3;

    /** Of so many pieces one is a single byte. */
    private static final int TINY = 8;

    private static final LongAdder PIECES = new LongAdder();

    private final ChoppedTransport transport;
    private final SplittableRandom random;
    private final ArrayDeque<Segment> held = new ArrayDeque<>();

    /** Whether bytes are held, or on their way to where the receiver looks for them. For {@link #holdsBytes}. */
    private volatile boolean holds;

    private boolean paused;

    /** The end of the stream waits behind what is held; nothing can be paused any more. */
    private boolean ended;

    /** The wrapped transport, which we had paused, announced an end. */
    private boolean gone;

    private boolean goneTold;

    /** What comes goes straight through: nothing is held any more. */
    private boolean through;

    ChoppedReceiving(ChoppedTransport transport, SplittableRandom random) {
        this.transport = transport;
        this.random = random;
    }

    /** {@return how many pieces were delivered, of all transports} */
    static long piecesOfAll() {
        return PIECES.sum();
    }

    /** {@return whether the wrapped transport has let go of bytes that the receiver has not got} Any thread. */
    boolean holdsBytes() {
        return holds;
    }

    // ---- from the wrapped transport ----

    void received(Segment segments) {
        Segment next;
        for (Segment s = segments; s != null; s = next) {
            next = s.next;
            s.next = null;
            if (transport.isDone()) {
                s.free();
            } else {
                held.add(s);
            }
        }
        if (transport.isDone()) {
            return;
        }
        holds = true;
        transport.inner().arrived();
        if (through) {
            deliverAll();
        } else {
            transport.inner().pauseReading();
            transport.poller().again(transport);
        }
    }

    /** It comes while we have paused the wrapped transport only if nothing can come any more. */
    void peerFinished() {
        ended = true;
        if (held.isEmpty()) {
            tellEnd();
        } else {
            transport.poller().again(transport);
        }
    }

    void peerGone() {
        gone = true;
        if (paused) {
            tellGone();
        }
    }

    // ---- from the receiver ----

    void pause() {
        paused = true;
        transport.inner().pauseReading();
        if (gone) {
            transport.poller().again(transport);
        }
    }

    void resume() {
        paused = false;
        if (held.isEmpty()) {
            transport.inner().resumeReading();
        } else {
            transport.poller().again(transport);
        }
    }

    void arrived() {
        holds = !held.isEmpty();
    }

    // ---- in turns ----

    void turn() {
        if (gone && paused && !transport.isDone()) {
            tellGone();
        }
        for (int i = 0; i < PIECES_A_TURN && isDue(); i++) {
            deliver(piece());
        }
        if (transport.isDone()) {
            return;
        }
        if (isDue()) {
            transport.poller().again(transport);
        } else if (held.isEmpty() && ended) {
            tellEnd();
        } else if (held.isEmpty() && !paused) {
            transport.inner().resumeReading();
        }
    }

    private boolean isDue() {
        return !held.isEmpty() && !transport.isDone() && (!paused || ended);
    }

    /** In spite of a pause, and nothing is held from now on. */
    void deliverAll() {
        through = true;
        while (!held.isEmpty() && !transport.isDone()) {
            deliver(piece());
        }
    }

    private void deliver(Segment piece) {
        PIECES.increment();
        transport.receiver().received(piece);
        holds = !held.isEmpty();
    }

    /** In a block of its own: a segment counts for as much memory as its block has. */
    private Segment piece() {
        Segment first = held.getFirst();
        int most = transport.poller().isCrowded() ? CROWDED_MAX : PIECE_MAX;
        int count = random.nextInt(TINY) == 0 ? 1 : 1 + random.nextInt(most);
        if (count < first.length() && first.block != null) {
            try {
                Segment piece = Segment.copied(
                        Objects.requireNonNull(first.block),
                        first.start,
                        count,
                        transport.poller().memory().allocate(count));
                first.start += count;
                return piece;
            } catch (MemoryLimitException e) {
                // Then it goes as it lies.
            }
        }
        return held.removeFirst();
    }

    private void tellEnd() {
        if (!transport.isDone() && ended) {
            ended = false;
            transport.receiver().peerFinished();
        }
    }

    private void tellGone() {
        if (!goneTold) {
            goneTold = true;
            transport.receiver().peerGone();
        }
    }

    void free() {
        while (!held.isEmpty()) {
            held.removeFirst().free();
        }
    }
}
