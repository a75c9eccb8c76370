// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/** A source that gives at most {@code step} bytes at a time, and fails or gives nothing when it is told to. */
class ScriptedSource extends InputStream {
    private final ByteBuffer bytes;
    private final int step;
    private int failAt = -1;
    private Exception error = new IOException("unused");
    int emptyReads;
    int reads;
    int closes;
    IOException closeError;
    Closeable beforeRead;

    ScriptedSource(byte[] bytes, int step) {
        this.bytes = ByteBuffer.wrap(bytes);
        this.step = step;
    }

    ScriptedSource failingAt(int position, Exception failure) {
        failAt = position;
        error = failure;
        return this;
    }

    int read(ByteBuffer dst) throws IOException {
        reads++;
        if (beforeRead != null) {
            beforeRead.close();
        }
        if (emptyReads > 0) {
            emptyReads--;
            return 0;
        }
        if (bytes.position() == failAt) {
            failAt = -1;
            if (error instanceof IOException checked) {
                throw checked;
            }
            throw (RuntimeException) error;
        }
        if (!bytes.hasRemaining()) {
            return -1;
        }
        int n = Math.min(step, Math.min(dst.remaining(), bytes.remaining()));
        dst.put(bytes.slice(bytes.position(), n));
        bytes.position(bytes.position() + n);
        return n;
    }

    @Override
    public int read() {
        throw new UnsupportedOperationException("byte after byte is slow");
    }

    @Override
    public int read(byte[] dst, int offset, int length) throws IOException {
        return read(ByteBuffer.wrap(dst, offset, length));
    }

    @Override
    public void close() throws IOException {
        closes++;
        if (closeError != null) {
            throw closeError;
        }
    }

    ReadableByteChannel asChannel() {
        return new ReadableByteChannel() {
            @Override
            public int read(ByteBuffer dst) throws IOException {
                return ScriptedSource.this.read(dst);
            }

            @Override
            public boolean isOpen() {
                return closes == 0;
            }

            @Override
            public void close() throws IOException {
                ScriptedSource.this.close();
            }
        };
    }
}
