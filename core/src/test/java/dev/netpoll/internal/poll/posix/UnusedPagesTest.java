// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.ffi.LibcMman;
import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.SegmentPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** Memory that is not used goes back to the system without waiting for a collection. */
@EnabledOnOs(OS.LINUX)
class UnusedPagesTest {
    private static final int MIB = 1 << 20;

    @Test
    void wholePagesInsideARangeGoBackAndComeBackAsZeros() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(MIB, 64 << 10).fill((byte) 1);
            assertThat(LibcMman.releasePages(memory.address() + 100, MIB - 200)).isTrue();
            assertThat(memory.get(ValueLayout.JAVA_BYTE, 100))
                    .as("its page is not wholly inside")
                    .isEqualTo((byte) 1);
            assertThat(memory.get(ValueLayout.JAVA_BYTE, 64 << 10)).isZero();
            memory.fill((byte) 2);
            assertThat(LibcMman.releasePages(memory.address(), 100)).isFalse();
            assertThat(LibcMman.releasePages(0, MIB)).isFalse();
            assertThat(memory.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 2);
        }
    }

    /** Six seconds after a burst, at a trim every two; nobody calls for a collection. */
    @Test
    void theFootprintIsBackSoonAfterABurst() throws Exception {
        UnusedPages.goBack();
        try (SegmentPool pool = new SegmentPool(512L * MIB)) {
            List<Block> blocks = new ArrayList<>();
            for (int i = 0; i < 128; i++) {
                blocks.add(pool.allocate(MIB));
            }
            long peak = anonymousBytes();
            blocks.forEach(Block::release);
            blocks.clear();
            long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
            while ((pool.stats().slabBytes() > 0 || anonymousBytes() > peak - 100L * MIB)
                    && System.nanoTime() - deadline < 0) {
                LockSupport.parkNanos(10_000_000);
            }
            assertThat(anonymousBytes()).as("peak %d", peak).isLessThan(peak - 100L * MIB);
            assertThat(pool.stats().slabBytes()).isZero();
        }
    }

    private static long anonymousBytes() throws Exception {
        String line = Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(text -> text.startsWith("RssAnon:"))
                .findFirst()
                .orElseThrow();
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
    }
}
