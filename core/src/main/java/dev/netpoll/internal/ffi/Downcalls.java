// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * Links C functions.
 *
 * <p>For each signature of linked functions the JVM generates code once, which takes ten to twenty milliseconds of the
 * program's start. So functions share one signature: seven words in, one word out. On the only systems that link
 * anything, 64-bit Linux on x86-64 and aarch64, each integer or pointer is passed in a word, and so is the result. A
 * function that takes or returns an int uses the lower half of the word; it ignores words beyond its parameters.
 * Functions with variable arguments, such as syscall(2) and fcntl(2), get them the same way.
 *
 * <p>Pointers are words, too: an address parameter would acquire and release the arena on every call.
 */
final class Downcalls {
    /** The argument for parameters that a function does not have. */
    static final long UNUSED = 0;

    private static final FunctionDescriptor WORDS = FunctionDescriptor.of(
            JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);

    /** Every linked function takes the segment that receives errno as its first argument. */
    private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");

    private static final Linker LINKER = Linker.nativeLinker();
    private static final SymbolLookup LIBC = LINKER.defaultLookup();

    private Downcalls() {}

    /** Links a function of at most seven integers and pointers, for {@link #call} or {@code invokeExact}. */
    static MethodHandle link(String name) {
        return handle(LIBC.findOrThrow(name), WORDS, ERRNO);
    }

    /** Like {@link #link}, but null if this C library lacks the function. */
    static @Nullable MethodHandle linkIfPresent(String name) {
        MemorySegment symbol = LIBC.find(name).orElse(null);
        return symbol == null ? null : handle(symbol, WORDS, ERRNO);
    }

    /** Links a function with its own signature, if its parameters do not fit into words. */
    static MethodHandle link(String name, FunctionDescriptor function) {
        return handle(LIBC.findOrThrow(name), function, ERRNO);
    }

    /** Like {@link #call(MethodHandle, Scratch, long, long, long, long, long)}, with two arguments. */
    static int call(MethodHandle function, Scratch scratch, long a, long b) {
        return call(function, scratch, a, b, UNUSED, UNUSED, UNUSED);
    }

    /** Like {@link #call(MethodHandle, Scratch, long, long, long, long, long)}, with three arguments. */
    static int call(MethodHandle function, Scratch scratch, long a, long b, long c) {
        return call(function, scratch, a, b, c, UNUSED, UNUSED);
    }

    /** Like {@link #call(MethodHandle, Scratch, long, long, long, long, long)}, with four arguments. */
    static int call(MethodHandle function, Scratch scratch, long a, long b, long c, long d) {
        return call(function, scratch, a, b, c, d, UNUSED);
    }

    /** Calls a function linked by {@link #link(String)}; {@return its int result, or the error number negated} */
    static int call(MethodHandle function, Scratch scratch, long a, long b, long c, long d, long e) {
        try {
            // SAFETY: the callers, all in this package, pass what the function's manual page says, and keep alive what
            // the arguments point to.
            return scratch.result((int) (long) function.invokeExact(scratch.errno, a, b, c, d, e, UNUSED, UNUSED));
        } catch (Throwable t) {
            throw failure(t);
        }
    }

    @SuppressWarnings("restricted")
    private static MethodHandle handle(MemorySegment symbol, FunctionDescriptor function, Linker.Option... options) {
        // SAFETY: every caller passes the function's C signature: int as JAVA_INT, size_t, ssize_t and pointers as
        // JAVA_LONG (or ADDRESS), which holds on 64-bit Linux, the only system that links anything; or all as words:
        // see above.
        return LINKER.downcallHandle(symbol, function, options);
    }

    /** {@return what an invocation threw, as an unchecked exception} C throws no checked ones. */
    static RuntimeException failure(Throwable thrown) {
        if (thrown instanceof RuntimeException e) {
            return e;
        }
        if (thrown instanceof Error e) {
            throw e;
        }
        return new IllegalStateException(thrown);
    }
}
