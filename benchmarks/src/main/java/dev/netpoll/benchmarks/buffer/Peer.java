// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.buffer;

import io.netty.buffer.AdaptiveByteBufAllocator;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;

/** Whose buffers are measured. A JVM runs the code of one of them only: the others can't spoil its profile. */
public enum Peer {
    /** Ours: {@code LinkBuffer}; where blocks are allocated, the cache of an event loop. */
    NETPOLL,

    /** Ours without the cache of a loop, as threads that are no loops use it. */
    NETPOLL_POOL,

    /** Netty's direct buffers from the allocator that was the default until 4.1. */
    NETTY_POOLED,

    /** Netty's direct buffers from the default allocator of 4.2. */
    NETTY_ADAPTIVE,

    /** The same, with texts encoded by the JDK into an array that is then copied: fast, but leaves garbage. */
    NETTY_GET_BYTES,

    /** okio's {@code Buffer}. */
    OKIO,

    /** The floor: an array and no more, without growth, sharing or memory that the kernel can use. */
    ARRAY;

    /** The allocator of a Netty peer. */
    ByteBufAllocator allocator() {
        return switch (this) {
            case NETTY_POOLED -> PooledByteBufAllocator.DEFAULT;
            case NETTY_ADAPTIVE, NETTY_GET_BYTES -> Adaptive.ALLOCATOR;
            default -> throw unsupported();
        };
    }

    /** What the scenarios answer to a peer that can't do it. */
    IllegalArgumentException unsupported() {
        return new IllegalArgumentException(this + " can't do this");
    }

    private static final class Adaptive {
        static final ByteBufAllocator ALLOCATOR = new AdaptiveByteBufAllocator();
    }
}
