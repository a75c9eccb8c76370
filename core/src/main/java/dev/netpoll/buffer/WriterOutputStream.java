// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import java.io.IOException;
import java.io.OutputStream;

/** See {@link Writer#asOutputStream()}. */
final class WriterOutputStream extends OutputStream {
    private final Writer writer;

    WriterOutputStream(Writer writer) {
        this.writer = writer;
    }

    @Override
    public void write(int b) throws IOException {
        writer.writeByte(b);
    }

    @Override
    public void write(byte[] src, int offset, int length) throws IOException {
        writer.writeBytes(src, offset, length);
    }

    @Override
    public void flush() throws IOException {
        writer.flush();
    }
}
