// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.memory.SegmentWriter;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;

/** Reads from a stream, through an array. */
final class InputStreamSource extends StreamSource {
    private static final int CHUNK = 16 << 10;

    private final InputStream in;
    private byte[] chunk = new byte[0];

    /** Bytes of the chunk that were read but not copied yet: not 0 only after there was no memory for them. */
    private int held;

    InputStreamSource(SegmentPool pool, int limit, InputStream in) {
        super(pool, limit, in);
        this.in = Objects.requireNonNull(in, "in");
    }

    @Override
    boolean receive(SegmentWriter target) throws IOException {
        if (held == 0) {
            int n = readChunk();
            if (n < 0) {
                return false;
            }
            held = n;
        }
        target.writeBytes(chunk, 0, held);
        held = 0;
        return true;
    }

    private int readChunk() throws IOException {
        if (chunk.length == 0) {
            chunk = new byte[CHUNK];
        }
        for (int i = 0; i < EMPTY_READS_MAX; i++) {
            int n = in.read(chunk, 0, CHUNK);
            if (n > CHUNK) {
                throw new IOException(
                        "asked for " + CHUNK + " bytes, " + in.getClass().getName() + " says it read " + n);
            }
            if (n != 0) {
                return n;
            }
        }
        throw noProgress(in);
    }
}
