// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.memory.ByteSink;
import dev.netpoll.internal.memory.SegmentWriter;
import java.io.IOException;

/** What the writer of a connection writes into: the outbound side. */
final class ConnectionSink implements ByteSink {
    private final Outbound outbound;

    ConnectionSink(Outbound outbound) {
        this.outbound = outbound;
    }

    @Override
    public SegmentWriter buffer() {
        return outbound.buffer;
    }

    @Override
    public void beginWrite() throws IOException {
        outbound.beginWrite();
    }

    @Override
    public void flush() throws IOException {
        outbound.flush();
    }
}
