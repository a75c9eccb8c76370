// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Finds misuse of buffers at the cost of speed. A system property switches it on, for tests. When it is off, every
 * check is a constant {@code false} that the compiler drops.
 *
 * <ul>
 *   <li>A release overwrites the memory.
 *   <li>A release ends views: access throws, and {@link #releaseOf} tells where the release was.
 *   <li>Buffers and blocks remember where they were created and closed.
 *   <li>A buffer that is collected while it holds memory is reported as a leak.
 * </ul>
 */
public final class CheckedMode {
    /** The system property: {@code true} or an empty value switches checked mode on. */
    public static final String PROPERTY = "dev.netpoll.checked";

    /** Whether checked mode is on. */
    public static final boolean ON = isOn(System.getProperty(PROPERTY));

    /** The fill byte of released memory. Invalid in UTF-8, negative as a length. */
    static final byte POISON = (byte) 0xFB;

    private static final int MOST_DESCRIBED = 10;

    private static final System.Logger LOG = System.getLogger("dev.netpoll.buffer");
    private static final AtomicLong LEAKS = new AtomicLong();

    /** Where the views of each ended scope were released. */
    private static final Map<MemorySegment.Scope, Throwable> RELEASES =
            Collections.synchronizedMap(new WeakHashMap<>());

    private CheckedMode() {}

    private static boolean isOn(@Nullable String value) {
        return value != null && (value.isEmpty() || Boolean.parseBoolean(value));
    }

    /** {@return the caller's stack trace} */
    public static Throwable here(String what) {
        return new Trace(what + " by " + Thread.currentThread());
    }

    /** Where the view ended; null while it is valid, and outside checked mode. */
    public static @Nullable Throwable releaseOf(MemorySegment view) {
        return RELEASES.get(view.scope());
    }

    static void released(MemorySegment.Scope scope, Throwable where) {
        RELEASES.put(scope, where);
    }

    /** The number of leaked buffers found so far. */
    static long leaks() {
        return LEAKS.get();
    }

    /** Reports that a buffer, of the kind {@code name}, with {@code bytes} of memory became unreachable. */
    static void leaked(String name, long bytes, Throwable madeAt) {
        LOG.log(
                System.Logger.Level.ERROR,
                "leak: a " + name + " with " + bytes + " bytes was never closed; the cause says where it was made",
                madeAt);
        MemoryEvents.leak(bytes, madeAt);
        LEAKS.incrementAndGet(); // after the report, so that it exists for any thread that sees the number
    }

    /** The stack traces as text to append to a message; empty if there are none. */
    static String describe(Stream<@Nullable Throwable> traces) {
        StringBuilder text = new StringBuilder();
        traces.limit(MOST_DESCRIBED).forEach(trace -> {
            if (trace != null) {
                text.append('\n').append(describe(trace));
            }
        });
        return text.toString();
    }

    /** The trace as text. */
    static String describe(Throwable trace) {
        StringBuilder text = new StringBuilder(trace.toString());
        for (StackTraceElement frame : trace.getStackTrace()) {
            text.append("\n\tat ").append(frame);
        }
        return text.toString();
    }

    /** A stack trace that is never thrown. */
    private static final class Trace extends Throwable {
        private static final long serialVersionUID = 1L;

        Trace(String message) {
            super(message);
        }
    }
}
