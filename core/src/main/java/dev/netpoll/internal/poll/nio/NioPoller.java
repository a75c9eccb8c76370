// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.nio;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.LoopCache;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.AcceptEvents;
import dev.netpoll.internal.poll.Errno;
import dev.netpoll.internal.poll.ListenSocket;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.ReceiveBuffer;
import dev.netpoll.internal.poll.Transport;
import dev.netpoll.internal.poll.TransportEvents;
import dev.netpoll.internal.poll.TransportException;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayDeque;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A selector. Level-triggered: what a turn leaves is found by the next. */
final class NioPoller implements Poller {
    private static final SelectionKey[] NONE = {};

    private final LoopCache memory = new LoopCache(SegmentPool.shared());
    final ReceiveBuffer receiveBuffer = new ReceiveBuffer(memory);

    private final Selector selector = Selector.open();

    /** Transports that no selection will announce: with a failure to report behind what can be read. */
    private final ArrayDeque<NioTransport> again = new ArrayDeque<>();

    private @Nullable Block viewed;
    private ByteBuffer view = ByteBuffer.allocate(0);

    /** The batch: its keys, which of them comes next, and how many of {@link #again} belong to it. */
    private SelectionKey[] batch = NONE;

    private int next;
    private int continued;

    private boolean quiet;

    NioPoller() throws IOException {}

    @Override
    public boolean fetch(long timeoutNanos) throws IOException {
        continued = again.size();
        if (quiet && continued == 0 && timeoutNanos != 0) {
            quiesce();
        }
        next = 0;
        batch = NONE;
        select(continued > 0 ? 0 : timeoutNanos);
        // A copy, because flushCancelled() selects again.
        Set<SelectionKey> selected = selector.selectedKeys();
        if (!selected.isEmpty()) {
            batch = selected.toArray(NONE);
            selected.clear();
        }
        quiet = true;
        return batch.length > 0 || continued > 0;
    }

    @Override
    public boolean deliver() {
        while (next < batch.length) {
            SelectionKey key = batch[next++];
            if (key.isValid() && key.attachment() instanceof NioPollable pollable) {
                quiet = false;
                // What the receiver of an earlier event switched off is not told any more.
                pollable.ready(key.readyOps() & key.interestOps());
                return true;
            }
        }
        batch = NONE;
        next = 0;
        if (continued > 0) {
            continued--;
            quiet = false;
            again.remove().continueTurn();
            return true;
        }
        return false;
    }

    @Override
    public boolean hasMore() {
        return !again.isEmpty();
    }

    @Override
    public void quiesce() {
        receiveBuffer.release();
        viewed = null;
        view = ByteBuffer.allocate(0);
    }

    private void select(long timeoutNanos) throws IOException {
        if (timeoutNanos == 0) {
            selector.selectNow();
        } else if (timeoutNanos < 0) {
            selector.select();
        } else {
            selector.select((timeoutNanos - 1) / 1_000_000 + 1);
        }
        if (timeoutNanos != 0 && Thread.interrupted()) {
            // An interrupt ends the wait and every later one; loops are stopped by other means, so it means nothing.
            selector.selectNow();
        }
    }

    @Override
    public void wakeup() {
        selector.wakeup();
    }

    @Override
    public void register(Transport transport, TransportEvents events) throws TransportException {
        ((NioTransport) transport).register(this, events);
    }

    @Override
    public void connect(Transport transport, SocketAddress remote, TransportEvents events) {
        ((NioTransport) transport).connect(this, remote, events);
    }

    @Override
    public void listen(ListenSocket socket, AcceptEvents events) throws TransportException {
        ((NioListenSocket) socket).listen(this, events);
    }

    SelectionKey register(SelectableChannel channel, int operations, NioPollable pollable) throws TransportException {
        try {
            return channel.register(selector, operations, pollable);
        } catch (ClosedChannelException | RuntimeException e) {
            throw NioErrno.wrap("register", e, Errno.EBADF);
        }
    }

    /** Lets go of closed and cancelled channels now instead of in the next poll. */
    void flushCancelled() {
        try {
            selector.selectNow();
            selector.selectedKeys().clear(); // level-triggered: the next poll finds them again
        } catch (IOException | ClosedSelectorException e) {
            // The next poll meets it too, and may throw it.
        }
    }

    void again(NioTransport transport) {
        again.add(transport);
    }

    /** {@return the block of {@link #receiveBuffer} as an empty buffer} */
    ByteBuffer receiveView() {
        Block block = receiveBuffer.block();
        if (block != viewed) {
            view = block.memory().asByteBuffer();
            viewed = block;
        }
        return view.clear();
    }

    @Override
    public LoopCache memory() {
        return memory;
    }

    @Override
    public void close() {
        try {
            flushCancelled();
            selector.close();
        } catch (IOException e) {
            // Nobody can do anything about it.
        }
        again.clear();
        quiesce();
    }
}
