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
 * Finds misuse of buffers at the price of speed. Switched on by a system property, for tests; when it is off, every
 * check is a constant {@code false} that the compiler drops.
 *
 * <ul>
 *   <li>Memory is overwritten when it is released.
 *   <li>Views end when they are released: access throws, and {@link #releaseOf} tells where it was.
 *   <li>Buffers and blocks remember where they were made and closed.
 *   <li>A buffer that is collected while it holds memory is reported as a leak.
 * </ul>
 */
public final class CheckedMode {
    /** The system property: {@code true} or empty switches on. */
    public static final String PROPERTY = "dev.netpoll.checked";

    /** Whether checked mode is on. */
    public static final boolean ON = isOn(System.getProperty(PROPERTY));

    /** What released memory is filled with. Not valid in UTF-8, negative as a length. */
    static final byte POISON = (byte) 0xFB;

    private static final int MOST_DESCRIBED = 10;

    private static final System.Logger LOG = System.getLogger("dev.netpoll.buffer");
    private static final AtomicLong LEAKS = new AtomicLong();

    /** Where the views of each scope that has ended were released. */
    private static final Map<MemorySegment.Scope, Throwable> RELEASES =
            Collections.synchronizedMap(new WeakHashMap<>());

    private CheckedMode() {}

    private static boolean isOn(@Nullable String value) {
        return value != null && (value.isEmpty() || Boolean.parseBoolean(value));
    }

    /** The place in the program where this is called. */
    public static Throwable here(String what) {
        return new Trace(what + " by " + Thread.currentThread());
    }

    /** Where the view's life ended; null if it lives, or outside checked mode. */
    public static @Nullable Throwable releaseOf(MemorySegment view) {
        return RELEASES.get(view.scope());
    }

    static void released(MemorySegment.Scope scope, Throwable where) {
        RELEASES.put(scope, where);
    }

    /** Buffers found to be leaked so far. */
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
        LEAKS.incrementAndGet(); // who sees the number finds the report
    }

    /** The stack traces, ready to be put behind a message; empty when there are none. */
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
