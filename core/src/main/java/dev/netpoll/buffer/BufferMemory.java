// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.CheckedMode;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.memory.MemoryLimitException;
import dev.netpoll.memory.MemoryStats;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * The memory that all buffers of the process share: the pool of native memory, and checked mode. Thread-safe.
 *
 * <p><b>The pool</b> grows with use up to a cap, and gives memory back some seconds after its last use. The cap is the
 * system property {@code dev.netpoll.memory.max} (bytes, or with a suffix k, m, g); without it, the maximal heap, but
 * at least 256 MiB. At the cap, allocation throws {@link MemoryLimitException}. Flight recordings show what the pool
 * does: {@code dev.netpoll.SlabAllocation}, {@code PoolMiss}, {@code MemoryTrim}, {@code BufferLeak}.
 *
 * <p><b>Checked mode</b> finds misuse. It is for tests, which it slows down; the system property {@code
 * dev.netpoll.checked=true} switches it on. Then
 * <ul>
 *   <li>access to a view after its release throws {@link IllegalStateException}, and {@link #releaseOf} tells where the
 *       release was (this takes {@code --enable-native-access}; without it, views only change their content);
 *   <li>use of a closed {@link LinkBuffer}, and closing it twice, throws {@link IllegalStateException} whose cause says
 *       where it was closed; so do the exceptions of a closed {@link StreamReader} or {@link StreamWriter};
 *   <li>a release overwrites memory with the byte {@code 0xFB};
 *   <li>the library logs a buffer, reader or writer of these kinds that is collected while it holds memory as an error
 *       to {@code dev.netpoll.buffer}, with the place of its creation, and counts it in {@link MemoryStats#leaks()}.
 * </ul>
 *
 * <p>Without that property, the checks cost nothing.
 *
 * @implNote With the NIO backend the pool also counts against the JVM's limit of direct memory ({@code
 *     -XX:MaxDirectMemorySize}, without it the maximal heap), and ends there if that is less. With a heap below 256
 *     MiB, raise that limit for large frames. epoll and io_uring use no direct memory of the JVM.
 * @since 0.1
 */
public final class BufferMemory {
    private BufferMemory() {}

    /**
     * Returns what the pool holds now.
     *
     * @return a snapshot
     */
    public static MemoryStats stats() {
        return SegmentPool.shared().stats();
    }

    /**
     * Returns whether checked mode is on.
     *
     * @return true if the process was started with {@code -Ddev.netpoll.checked=true}
     */
    public static boolean isChecked() {
        return CheckedMode.ON;
    }

    /**
     * Returns where the life of a view ended.
     *
     * @param view what {@link Reader#next}, {@link Reader#peek} or {@link Writer#reserve} returned
     * @return the place in the program, as a stack trace; empty while the view lives, and outside checked mode
     */
    public static Optional<Throwable> releaseOf(MemorySegment view) {
        return Optional.ofNullable(CheckedMode.releaseOf(view));
    }

    /**
     * Returns where the life of a view ended.
     *
     * @param view a view as a buffer
     * @return the place in the program, as a stack trace; empty while the view lives, and outside checked mode
     */
    public static Optional<Throwable> releaseOf(ByteBuffer view) {
        return releaseOf(MemorySegment.ofBuffer(view));
    }
}
