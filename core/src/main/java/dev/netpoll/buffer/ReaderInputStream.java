// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import java.io.IOException;
import java.io.InputStream;

/** See {@link Reader#asInputStream()}. */
final class ReaderInputStream extends InputStream {
    private final Reader reader;
    private final byte[] single = new byte[1];

    ReaderInputStream(Reader reader) {
        this.reader = reader;
    }

    @Override
    public int read() throws IOException {
        return reader.read(single, 0, 1) < 0 ? -1 : single[0] & 0xFF;
    }

    @Override
    public int read(byte[] dst, int offset, int length) throws IOException {
        return reader.read(dst, offset, length);
    }

    @Override
    public long skip(long n) throws IOException {
        if (n <= 0) {
            return 0;
        }
        long there = Math.min(n, reader.readableBytes());
        if (there == 0) {
            return read() < 0 ? 0 : 1; // waits, as skip may; the caller skips the rest in further calls
        }
        reader.skip(there);
        return there;
    }

    @Override
    public int available() {
        return (int) Math.min(Integer.MAX_VALUE, reader.readableBytes());
    }
}
