// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.memory.SegmentWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channel;
import java.nio.channels.IllegalBlockingModeException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.SelectableChannel;
import java.util.Objects;

/** Reads from a channel, straight into pooled memory: more at a time when the last read was full. */
final class ChannelSource extends StreamSource {
    private static final int SMALL = 4 << 10;
    private static final int LARGE = 64 << 10;

    private final ReadableByteChannel in;

    private int size = SMALL;

    ChannelSource(SegmentPool pool, int limit, ReadableByteChannel in) {
        super(pool, limit, in);
        this.in = Objects.requireNonNull(in, "in");
    }

    @Override
    boolean receive(SegmentWriter target) throws IOException {
        ByteBuffer space = target.reserve(size).asByteBuffer(); // zero, whatever the channel says it has filled
        try {
            return read(space);
        } finally { // the channel's progress counts even if it throws
            target.commit(space.position());
            size = space.hasRemaining() ? SMALL : Math.min(2 * size, LARGE);
        }
    }

    private boolean read(ByteBuffer space) throws IOException {
        for (int i = 0; i < EMPTY_READS_MAX; i++) {
            checkBlocking(in);
            int n = in.read(space);
            if (space.position() > 0) {
                return true;
            }
            if (n < 0) {
                return false;
            }
        }
        throw noProgress(in);
    }

    /** Rejects a non-blocking channel, which would make the caller spin. */
    static void checkBlocking(Channel channel) {
        if (channel instanceof SelectableChannel selectable && !selectable.isBlocking()) {
            throw new IllegalBlockingModeException();
        }
    }
}
