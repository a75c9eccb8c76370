// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;

/** A sink that takes at most {@code step} bytes at a time, and fails once or takes nothing when it is told to. */
class ScriptedSink extends OutputStream {
    final ByteArrayOutputStream taken = new ByteArrayOutputStream();
    int step = Integer.MAX_VALUE;
    int emptyWrites;
    int failAt = -1;
    Exception error = new IOException("disk full");
    IOException closeError;
    int writes;
    int flushes;
    int closes;

    String text() {
        return taken.toString(StandardCharsets.UTF_8);
    }

    int write(ByteBuffer src) throws IOException {
        writes++;
        if (emptyWrites > 0) {
            emptyWrites--;
            return 0;
        }
        if (taken.size() == failAt) {
            fail();
        }
        int n = Math.min(step, src.remaining());
        if (failAt >= 0 && taken.size() + n > failAt) {
            n = failAt - taken.size();
        }
        byte[] bytes = new byte[n];
        src.get(bytes);
        taken.writeBytes(bytes);
        return n;
    }

    private void fail() throws IOException {
        failAt = -1;
        if (error instanceof IOException checked) {
            throw checked;
        }
        throw (RuntimeException) error;
    }

    @Override
    public void write(int b) {
        throw new UnsupportedOperationException("byte after byte is slow");
    }

    @Override
    public void write(byte[] src, int offset, int length) throws IOException {
        writes++;
        if (failAt >= 0 && taken.size() + length > failAt) {
            fail();
        }
        taken.write(src, offset, length);
    }

    @Override
    public void flush() {
        flushes++;
    }

    @Override
    public void close() throws IOException {
        closes++;
        if (closeError != null) {
            throw closeError;
        }
    }

    WritableByteChannel asChannel() {
        return new WritableByteChannel() {
            @Override
            public int write(ByteBuffer src) throws IOException {
                return ScriptedSink.this.write(src);
            }

            @Override
            public boolean isOpen() {
                return closes == 0;
            }

            @Override
            public void close() throws IOException {
                ScriptedSink.this.close();
            }
        };
    }
}
