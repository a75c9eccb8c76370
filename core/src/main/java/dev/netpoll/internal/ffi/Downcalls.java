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
        return LINKER.downcallHandle(LIBC.findOrThrow(name), FunctionDescriptor.of(result, arguments), ERRNO);
    }

    /** As {@link #link}, or null if this C library lacks the function. */
    static @Nullable MethodHandle linkIfPresent(String name, MemoryLayout result, MemoryLayout... arguments) {
        MemorySegment symbol = LIBC.find(name).orElse(null);
        return symbol == null ? null : LINKER.downcallHandle(symbol, FunctionDescriptor.of(result, arguments), ERRNO);
    }

    static MethodHandle linkVariadic(String name, int fixed, MemoryLayout result, MemoryLayout... arguments) {
        return LINKER.downcallHandle(
                LIBC.findOrThrow(name),
                FunctionDescriptor.of(result, arguments),
                ERRNO,
                Linker.Option.firstVariadicArg(fixed));
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
