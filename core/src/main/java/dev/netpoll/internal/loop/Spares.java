// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.memory.BlockSource;
import dev.netpoll.internal.memory.LoopCache;
import dev.netpoll.internal.memory.SegmentReader;
import dev.netpoll.internal.memory.SegmentWriter;
import dev.netpoll.internal.memory.SpareBlocks;
import dev.netpoll.internal.transport.SendQueue;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Objects that a thread reuses from request to request. Idle connections own none: the thread that runs handlers keeps
 * one of each kind, empty, and lends them to the connection whose handler it runs. If a connection keeps one because
 * bytes are left, the next request gets a new one. The thread keeps more queues, as those of one turn may be sent
 * together.
 *
 * <p><b>Threads.</b> The owner only.
 */
public final class Spares {
    /** As many as requests may be answered in one turn. */
    private static final int QUEUES = 256;

    private final Thread owner;
    private final BlockSource blocks;
    private final @Nullable SpareBlocks kept;
    private @Nullable SegmentReader reader;
    private @Nullable SegmentWriter writer;
    private final ArrayDeque<SendQueue> queues = new ArrayDeque<>();

    /** For a thread that takes its blocks from {@code blocks}. */
    Spares(Thread owner, BlockSource blocks) {
        this.owner = owner;
        this.blocks = blocks;
        this.kept = null;
    }

    /** For a driver, which keeps some of its loop's blocks between {@link #begin} and {@link #end}. */
    static Spares ofDriver(Thread owner, LoopCache memory) {
        return new Spares(owner, new SpareBlocks(owner, memory));
    }

    private Spares(Thread owner, SpareBlocks kept) {
        this.owner = owner;
        this.blocks = kept;
        this.kept = kept;
    }

    void begin() {
        if (kept != null) {
            kept.begin();
        }
    }

    void end() {
        if (kept != null) {
            kept.release();
        }
    }

    /** {@return whether it needs a trim later} */
    boolean isActive() {
        return kept != null && kept.isActive();
    }

    void trim() {
        if (kept != null) {
            kept.trim();
        }
    }

    /** {@return whether the calling thread is the owner} Any thread. */
    public boolean isOwn() {
        return Thread.currentThread() == owner;
    }

    /** {@return an empty reader} */
    public SegmentReader takeReader() {
        SegmentReader kept = reader;
        reader = null;
        return kept != null ? kept : new SegmentReader(blocks);
    }

    /** Keeps an empty reader without views. */
    public void giveBack(SegmentReader empty) {
        reader = empty;
    }

    /** {@return an empty writer} */
    public SegmentWriter takeWriter() {
        SegmentWriter kept = writer;
        writer = null;
        return kept != null ? kept : SegmentWriter.ofConnection(blocks);
    }

    /** Keeps an empty writer. */
    public void giveBack(SegmentWriter empty) {
        writer = empty;
    }

    /** {@return an empty queue} */
    public SendQueue takeQueue() {
        SendQueue kept = queues.poll();
        return kept != null ? kept : new SendQueue();
    }

    /** Keeps an empty queue. */
    public void giveBack(SendQueue empty) {
        if (queues.size() < QUEUES) {
            queues.push(empty);
        }
    }
}
