// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import dev.netpoll.memory.MemoryLimitException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;

/**
 * Uses once the JDK classes that buffers need, and returns memory in each way. If a class fails to initialise, because
 * a handler has used up its stack or the heap is full, every later use by any thread fails, too. And the first use of a
 * {@code VarHandle} at a place in the code takes memory, even in code that returns memory.
 */
public final class FirstUse {
    private static final int SMALL = 5;
    private static final int LARGE = 300;

    private static volatile boolean done;

    private FirstUse() {}

    /**
     * Uses them, once. Not a static initialiser: what fails now, for lack of memory or of a thread, may succeed at the
     * next call.
     */
    public static void prepare() {
        if (done) {
            return;
        }
        try {
            useAll();
            done = true;
        } catch (OutOfMemoryError | MemoryLimitException | IllegalArgumentException e) {
            // the next user tries again; the pool throws the last one for an invalid system property
        }
    }

    private static void useAll() {
        useBuffers();
        giveBackBlocks();
    }

    /** By the loop itself, by another thread, by one of several owners, and after the loop has ended. */
    private static void giveBackBlocks() {
        LoopCache cache = new LoopCache(SegmentPool.shared());
        cache.own();
        try {
            cache.allocate(SMALL).release();
            Block shared = cache.allocate(SMALL);
            shared.retain();
            shared.release();
            Block passedOn = cache.allocate(LARGE);
            cache.release();
            shared.release();
            cache.own();
            cache.allocate(SMALL).release(); // takes back the block that the other thread returned
            cache.disown();
            passedOn.release();
        } finally {
            cache.disown();
        }
    }

    private static void useBuffers() {
        Duration _ = Duration.between(Instant.EPOCH, Instant.now()); // as deadlines do
        SegmentPool pool = SegmentPool.shared();
        SegmentWriter writer = new SegmentWriter(pool);
        SegmentReader reader = new SegmentReader(pool);
        try (Arena arena = Arena.ofConfined()) {
            for (int size : new int[] {SMALL, LARGE}) {
                byte[] bytes = new byte[size];
                MemorySegment memory = arena.allocate(size);
                writer.writeBytes(bytes, 0, size);
                writer.writeBytes(memory);
                writer.writeBytes(MemorySegment.ofArray(bytes));
                writer.writeBytes(ByteBuffer.wrap(bytes));
                writer.writeBytes(ByteBuffer.allocateDirect(size));
                writer.writeUtf8("a".repeat(size));
                writer.writeUtf8("\u00e4".repeat(size));
                writer.writeLong(size);
                reader.append(writer.take());
                reader.readBytes(bytes, 0, size);
                reader.readBytes(memory);
                int _ = reader.read(ByteBuffer.wrap(bytes));
                int _ = reader.read(ByteBuffer.allocateDirect(size));
                MemorySegment view = reader.peek(size);
                boolean _ = view.asByteBuffer().isReadOnly();
                long _ = view.mismatch(memory);
                reader.skip(size);
                String _ = reader.readUtf8(size);
                String _ = StandardCharsets.UTF_8.decode(ByteBuffer.wrap(bytes)).toString();
                reader.release();
                reader.clear();
            }
        } finally {
            writer.clear();
            reader.clear();
        }
    }
}
