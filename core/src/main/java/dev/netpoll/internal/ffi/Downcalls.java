// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * Links C functions. Pointers are passed as {@code JAVA_LONG}: an address parameter would acquire and release the
 * arena on every call.
 */
final class Downcalls {
    /** Every linked function takes the segment that receives errno as its first argument. */
    private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");

    private static final Linker LINKER = Linker.nativeLinker();
    private static final SymbolLookup LIBC = LINKER.defaultLookup();

    private Downcalls() {}

    static MethodHandle link(String name, MemoryLayout result, MemoryLayout... arguments) {
        return handle(LIBC.findOrThrow(name), FunctionDescriptor.of(result, arguments), ERRNO);
    }

    /** As {@link #link}, or null if this C library lacks the function. */
    static @Nullable MethodHandle linkIfPresent(String name, MemoryLayout result, MemoryLayout... arguments) {
        MemorySegment symbol = LIBC.find(name).orElse(null);
        return symbol == null ? null : handle(symbol, FunctionDescriptor.of(result, arguments), ERRNO);
    }

    /** As {@link #link}, for a function whose arguments after the first {@code fixed} ones are variable. */
    static MethodHandle linkVariadic(String name, int fixed, MemoryLayout result, MemoryLayout... arguments) {
        FunctionDescriptor function = FunctionDescriptor.of(result, arguments);
        return handle(LIBC.findOrThrow(name), function, ERRNO, Linker.Option.firstVariadicArg(fixed));
    }

    @SuppressWarnings("restricted")
    private static MethodHandle handle(MemorySegment symbol, FunctionDescriptor function, Linker.Option... options) {
        // SAFETY: every caller passes the function's C signature: int as JAVA_INT, size_t, ssize_t and pointers as
        // JAVA_LONG (or ADDRESS), which holds on 64-bit Linux, the only system that links anything.
        return LINKER.downcallHandle(symbol, function, options);
    }

    /** What an invocation threw: never a checked exception, since C throws none. */
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
