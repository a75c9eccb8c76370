// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.buffer;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.BlockSource;
import dev.netpoll.internal.memory.LoopCache;
import dev.netpoll.internal.memory.SegmentPool;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;

/** What each peer does in scenario (f): memory is allocated by the thread that opened this, and freed by any. */
interface Blocks extends AutoCloseable {
    /** Allocates so many bytes at least. */
    Object allocate(int bytes);

    /** Frees what was allocated here. Any thread. */
    void free(Object block);

    /** Gives cached memory back. */
    @Override
    default void close() {}

    /** The memory of a peer. */
    static Blocks of(Peer peer) {
        return switch (peer) {
            case NETPOLL -> new Cached(new LoopCache(SegmentPool.shared()));
            case NETPOLL_POOL -> new Netpoll(SegmentPool.shared());
            case NETTY_POOLED, NETTY_ADAPTIVE -> new Netty(peer.allocator());
            case ARRAY -> new Arrays();
            case OKIO, NETTY_GET_BYTES -> throw peer.unsupported(); // its segments have one size
        };
    }

    /** Ours, from anywhere. */
    final class Netpoll implements Blocks {
        private final BlockSource source;

        Netpoll(BlockSource source) {
            this.source = source;
        }

        @Override
        public Object allocate(int bytes) {
            return source.allocate(bytes);
        }

        @Override
        public void free(Object block) {
            ((Block) block).release();
        }
    }

    /** Ours, on an event loop. */
    final class Cached implements Blocks {
        private final LoopCache cache;

        Cached(LoopCache cache) {
            this.cache = cache;
            cache.own();
        }

        @Override
        public Object allocate(int bytes) {
            return cache.allocate(bytes);
        }

        @Override
        public void free(Object block) {
            ((Block) block).release();
        }

        @Override
        public void close() {
            cache.disown();
        }
    }

    /** Its allocators keep caches for the threads of the benchmarks, see {@link FastThreads}. */
    final class Netty implements Blocks {
        private final ByteBufAllocator allocator;

        Netty(ByteBufAllocator allocator) {
            this.allocator = allocator;
        }

        @Override
        public Object allocate(int bytes) {
            return allocator.directBuffer(bytes);
        }

        @Override
        public void free(Object block) {
            ((ByteBuf) block).release();
        }
    }

    /** Memory that is zeroed when allocated and freed by the garbage collector. */
    final class Arrays implements Blocks {
        @Override
        public Object allocate(int bytes) {
            return new byte[bytes];
        }

        @Override
        public void free(Object block) {}
    }
}
