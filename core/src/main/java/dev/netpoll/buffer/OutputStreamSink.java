// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.SegmentPool;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/** Writes to a stream, through an array. */
final class OutputStreamSink extends StreamSink {
    private static final int CHUNK = 16 << 10;

    private final OutputStream out;
    private byte[] chunk = new byte[0];

    OutputStreamSink(SegmentPool pool, OutputStream out) {
        super(pool, out);
        this.out = Objects.requireNonNull(out, "out");
    }

    @Override
    void send(MemorySegment bytes) throws IOException {
        if (chunk.length == 0) {
            chunk = new byte[CHUNK];
        }
        long size = bytes.byteSize();
        for (long done = 0; done < size; ) {
            int n = (int) Math.min(CHUNK, size - done);
            MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, done, chunk, 0, n);
            out.write(chunk, 0, n);
            sent(n);
            done += n;
        }
    }

    @Override
    void finish() throws IOException {
        out.flush();
    }
}
