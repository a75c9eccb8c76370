// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.SegmentPool;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.Objects;

/** Writes to a channel, straight from the memory that was written. */
final class ChannelSink extends StreamSink {
    /** How many times in a row a channel may take no bytes: asking further would spin. */
    private static final int EMPTY_WRITES_MAX = 16;

    private final WritableByteChannel out;

    ChannelSink(SegmentPool pool, WritableByteChannel out) {
        super(pool, out);
        this.out = Objects.requireNonNull(out, "out");
    }

    @Override
    void send(MemorySegment bytes) throws IOException {
        ByteBuffer left = bytes.asByteBuffer();
        int empty = 0;
        while (left.hasRemaining()) {
            ChannelSource.checkBlocking(out);
            int before = left.position();
            try {
                out.write(left);
            } finally { // the channel's progress counts even if it throws
                sent(left.position() - before);
            }
            empty = left.position() > before ? 0 : empty + 1;
            if (empty == EMPTY_WRITES_MAX) {
                throw new IOException("no bytes taken by " + EMPTY_WRITES_MAX + " writes in a row: "
                        + out.getClass().getName());
            }
        }
    }

    @Override
    void finish() {
        // A channel buffers nothing.
    }
}
