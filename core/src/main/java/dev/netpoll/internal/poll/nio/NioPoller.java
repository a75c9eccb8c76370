// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.nio;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.LoopCache;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.ReceiveBuffer;
import dev.netpoll.internal.poll.Turns;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import dev.netpoll.memory.MemoryLimitException;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A poller that waits with a selector. Level-triggered: the next turn finds what a turn leaves. */
final class NioPoller implements Poller {
    private static final SelectionKey[] NONE = {};

    private final LoopCache memory = new LoopCache(SegmentPool.shared());
    final ReceiveBuffer receiveBuffer = new ReceiveBuffer(memory);

    private final Selector selector = Selector.open();

    /** Transports that no selection will announce: with a failure to report behind unread bytes, or starved. */
    final Turns turns = new Turns();

    private @Nullable Block viewed;
    private ByteBuffer view = ByteBuffer.allocate(0);

    /** The keys of the batch, and the index of the next one. */
    private SelectionKey[] batch = NONE;

    private int next;

    private boolean quiet;

    /** Whether this is the last turn, so that nothing can be left for later. */
    private boolean closing;

    NioPoller() throws IOException {}

    @Override
    public boolean fetch(long timeoutNanos) throws IOException {
        boolean goesOn = turns.begin();
        if (quiet && !goesOn && timeoutNanos != 0) {
            quiesce();
        }
        next = 0;
        batch = NONE;
        try {
            select(goesOn ? 0 : turns.bounded(timeoutNanos));
            // A copy, because flushCancelled() selects again.
            Set<SelectionKey> selected = selector.selectedKeys();
            if (!selected.isEmpty()) {
                batch = selected.toArray(NONE);
                selected.clear();
            }
        } catch (OutOfMemoryError e) {
            return goesOn; // level-triggered: the next selection finds the same events
        }
        quiet = true;
        return batch.length > 0 || goesOn;
    }

    @Override
    public boolean deliver() {
        while (next < batch.length) {
            SelectionKey key = batch[next++];
            if (key.isValid() && key.attachment() instanceof NioPollable pollable) {
                quiet = false;
                try {
                    // Drops events that the receiver of an earlier event has switched off.
                    pollable.ready(key.readyOps() & key.interestOps());
                } catch (Throwable t) {
                    pollable.crashed(t);
                }
                return true;
            }
        }
        batch = NONE;
        next = 0;
        if (turns.continueOne()) {
            quiet = false;
            return true;
        }
        return false;
    }

    @Override
    public boolean hasMore() {
        return !turns.isEmpty();
    }

    @Override
    public long untilRetry(long now) {
        return turns.untilRetry(now);
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
            // An interrupt ends this and every later wait; it has no meaning here, as loops are stopped by other means.
            selector.selectNow();
        }
    }

    /** {@return whether work that fails for lack of memory can wait for a later turn} */
    boolean canWaitForHeap() {
        return !closing;
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

    /** Releases closed and cancelled channels now instead of in the next poll. */
    void flushCancelled() {
        try {
            selector.selectNow();
            selector.selectedKeys().clear(); // level-triggered: the next poll finds them again
        } catch (IOException | ClosedSelectorException e) {
            // The next poll will fail too, and may throw.
        }
    }

    /** {@return the block of {@link #receiveBuffer} as an empty buffer, or null if there is no memory} */
    @Nullable
    ByteBuffer receiveView() {
        try {
            Block block = receiveBuffer.block();
            if (block != viewed) {
                view = block.memory().asByteBuffer();
                viewed = block;
            }
            return view.clear().limit(receiveBuffer.atOnce());
        } catch (MemoryLimitException | OutOfMemoryError e) {
            return null;
        }
    }

    @Override
    public void limitBy(MemoryBudget budget) {
        receiveBuffer.limitBy(budget);
    }

    @Override
    public LoopCache memory() {
        return memory;
    }

    @Override
    public void close() {
        closing = true;
        turns.finish();
        try {
            flushCancelled();
            selector.close();
        } catch (IOException e) {
            // There is nothing more to do.
        }
        turns.clear();
        quiesce();
    }
}
