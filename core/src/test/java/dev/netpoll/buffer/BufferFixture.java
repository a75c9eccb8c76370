// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.SegmentPool;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;

/** A pool of its own for every test, which must have all its blocks back at the end, and bytes to work with. */
abstract class BufferFixture {
    final SegmentPool pool = new SegmentPool(256 << 20);

    @AfterEach
    void allBlocksAreBack() {
        pool.close(); // throws when blocks are outstanding
    }

    LinkBuffer buffer() {
        return new LinkBuffer(pool, 0);
    }

    /** A buffer that splits what is written to it into segments of {@code size} bytes. */
    LinkBuffer bufferOfSegments(int size) {
        return new LinkBuffer(pool, size);
    }

    /** A buffer with {@code readable} readable bytes in segments of {@code size}. */
    LinkBuffer filled(int size, byte[] readable) {
        LinkBuffer buffer = bufferOfSegments(size);
        buffer.writeBytes(readable).flush();
        return buffer;
    }

    static byte[] pattern(int n) {
        byte[] bytes = new byte[n];
        new Random(n).nextBytes(bytes);
        return bytes;
    }

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    static byte[] copyOf(MemorySegment memory) {
        return memory.toArray(ValueLayout.JAVA_BYTE);
    }

    static String textOf(MemorySegment memory) {
        return new String(copyOf(memory), StandardCharsets.UTF_8);
    }
}
