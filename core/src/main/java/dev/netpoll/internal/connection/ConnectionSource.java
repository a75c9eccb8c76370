// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.memory.ByteSource;
import dev.netpoll.internal.memory.SegmentReader;
import java.io.IOException;

/** What the reader of a connection reads from: the inbound side. */
final class ConnectionSource implements ByteSource {
    private final Inbound inbound;

    ConnectionSource(Inbound inbound) {
        this.inbound = inbound;
    }

    @Override
    public SegmentReader buffer() {
        return inbound.buffer;
    }

    @Override
    public void require(long n) throws IOException {
        inbound.require(n);
    }

    @Override
    public boolean requireAny() throws IOException {
        return inbound.requireAny();
    }

    @Override
    public void take() {
        inbound.take();
    }

    @Override
    public long readable() {
        return inbound.readable();
    }

    @Override
    public void release() {
        inbound.releaseConsumed();
    }
}
