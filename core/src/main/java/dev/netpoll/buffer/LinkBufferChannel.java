// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;

/** See {@link LinkBuffer#asChannel()}. */
final class LinkBufferChannel implements ByteChannel {
    private final ReaderChannel in;
    private final WriterChannel out;

    LinkBufferChannel(LinkBuffer buffer) {
        in = new ReaderChannel(buffer);
        out = new WriterChannel(buffer);
    }

    @Override
    public int read(ByteBuffer dst) throws IOException {
        return in.read(dst);
    }

    @Override
    public int write(ByteBuffer src) throws IOException {
        return out.write(src);
    }

    @Override
    public boolean isOpen() {
        return in.isOpen();
    }

    @Override
    public void close() {
        in.close();
        out.close();
    }
}
