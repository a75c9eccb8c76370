// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.DetachedSocket;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Reader;
import dev.netpoll.buffer.Writer;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.memory.BufferAccess;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.SocketOption;
import java.nio.channels.ByteChannel;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A connection over a transport: the calls of its users and of its transport. {@link Lifecycle} and its superclasses
 * decide what follows.
 *
 * <p><b>Place.</b> The code that accepts, dials or adopts creates it; it lives on one event loop.
 *
 * <p><b>Threads.</b> {@link TransportEvents} methods on the loop; the rest as {@link Connection} says. Other threads
 * leave work for the loop in the state word and the parts, then call {@link #signal}, which allocates nothing and
 * cannot fail. {@link #signalled} then checks everything.
 */
public final class SocketConnection extends Lifecycle {
    private static final BufferAccess<LinkBuffer> BUFFERS = BufferAccess.of(LinkBuffer.class);

    private static final VarHandle CHANNEL;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            CHANNEL = lookup.findVarHandle(SocketConnection.class, "channel", SharedChannel.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Reader reader;
    private final Writer writer;

    /** Created on first use, by any thread. */
    private volatile @Nullable SharedChannel channel;

    private volatile @Nullable Object attachment;

    /** Creates a connection, which does nothing until it is started. */
    public SocketConnection(EventLoop loop, Transport transport, ConnectionConfig config) {
        super(loop, transport, config);
        if (!config.options().idleTimeout().equals(NO_TIMEOUT)) {
            ConnectionTimer _ = timer();
        }
        reader = BUFFERS.reader(Reader.class, inbound);
        writer = BUFFERS.writer(Writer.class, outbound);
        loop.assign(); // last: if the constructor fails, there is nothing to undo
    }

    /** {@return whether the server or dialer that owns this configuration created it} */
    public boolean belongsTo(ConnectionConfig other) {
        return config() == other;
    }

    /** Hands over bytes that were received earlier. Call it before the start. */
    public void seed(LinkBuffer unread) {
        inbound.makeBuffer();
        inbound.seed(BUFFERS.take(unread));
    }

    @Override
    protected void signalled() {
        if (has(END_FAILED)) {
            leaveResidents(); // the signal to do so may have been merged with this one
            CloseCallbacks.comeToEndAgain(this);
            return;
        }
        try {
            if (has(STARTING)) {
                startOnLoop();
                return;
            }
            if (has(HANDING_FAILED) && remove(HANDING_FAILED)) {
                CallbackRunner.takeBack(this);
            }
            if (has(PREPARED) && remove(PREPARED)) {
                prepared();
            }
            if (!has(LIVE)) { // it checks again once it is LIVE
                boolean started = isResident() || has(START_TRIED); // the latter alone: it was detached before
                if (started && !isConnecting()) {
                    signalledEarly();
                }
                return;
            }
            if (outbound.isWrecked()) {
                noteWreck();
                add(CLOSING | ABORTING);
            }
            outbound.goOn();
            inbound.updatePaused();
            ConnectionTimer present = timerIfMade();
            if (present != null) {
                present.signalled();
            }
            if (has(SEND_REFUSED) && has(PEER_FINISHED) && !has(CLOSED)) {
                failed(errno());
            }
            goOn();
        } catch (Throwable t) {
            fault(t);
        }
    }

    /** <i>Loop</i>, when the server drains. {@return whether the connection is idle and has begun to close} */
    public boolean closesIfIdle() {
        settle();
        return has(CLOSING | ENDED);
    }

    // ---- transport events, on the loop; what goes wrong here must not reach the other connections of the loop ----

    @Override
    public void connected() {
        connectEnds(0);
    }

    @Override
    public void received(Segment segments) {
        if (has(CLOSING) && !has(DETACHING)) {
            Segment.freeAll(segments);
            return;
        }
        try {
            touch();
            inbound.deliver(segments);
        } catch (Throwable t) {
            fault(t);
        }
    }

    @Override
    public void peerFinished() {
        try {
            add(PEER_FINISHED);
            inbound.wake();
            settle();
        } catch (Throwable t) {
            fault(t);
        }
    }

    @Override
    public void peerGone() {
        try {
            add(PEER_GONE);
            settle();
        } catch (Throwable t) {
            fault(t);
        }
    }

    @Override
    public void sent(long bytes, boolean drained) {
        try {
            if (bytes > 0) {
                touch();
            }
            outbound.progressed(bytes, drained);
            if (drained) {
                drained();
            }
        } catch (Throwable t) {
            fault(t);
        }
    }

    @Override
    public void failed(int error) {
        try {
            noteErrno(error);
            if (isConnecting()) {
                connectEnds(error);
                return;
            }
            add(BROKEN);
            release();
        } catch (Throwable t) {
            fault(t);
        }
    }

    @Override
    protected void evict() {
        if (has(ENDED)) {
            leaveResidents();
            return;
        }
        closeFor(EndReason.LOOP_ENDED, true);
    }

    // ---- Connection ----

    @Override
    public Reader reader() {
        return reader;
    }

    @Override
    public Writer writer() {
        return writer;
    }

    @Override
    public boolean isActive() {
        return !has(INACTIVE);
    }

    @Override
    public boolean isReusable() {
        return !has(INACTIVE | SENDING | RUNNING | OUTPUT_SHUT)
                && !inbound.isPaused() // then not every backend knows what waits in the kernel
                && outbound.isEmpty()
                && transport().peek() == -Errno.EAGAIN // look in the kernel first, then at what came out of it
                && inbound.isEmpty()
                && isActive();
    }

    @Override
    public boolean isWritable() {
        boolean writable = !config().inline() || outbound.isWritable(); // handlers that may block wait in their flush
        if (!writable && inLoop()) {
            foundUnwritable();
        }
        return writable;
    }

    @Override
    public void setReadTimeout(Duration timeout) {
        inbound.setTimeout(ConnectionConfig.positive(timeout));
    }

    @Override
    public void setWriteTimeout(Duration timeout) {
        outbound.setTimeout(ConnectionConfig.positive(timeout));
    }

    @Override
    public void setReadDeadline(@Nullable Instant deadline) {
        inbound.setDeadline(deadline);
    }

    @Override
    public void setWriteDeadline(@Nullable Instant deadline) {
        outbound.setDeadline(deadline);
    }

    @Override
    public void setIdleTimeout(Duration timeout) {
        timer().setIdleTimeout(ConnectionConfig.positive(timeout));
    }

    @Override
    public <T> void setOption(SocketOption<T> option, T value) throws IOException {
        Objects.requireNonNull(option, "option");
        Objects.requireNonNull(value, option::name);
        if (!option.type().isInstance(value)) { // a raw type hid the mistake from the compiler
            throw new IllegalArgumentException(
                    option.name() + " takes values of type " + option.type().getSimpleName() + ", not " + value);
        }
        try {
            transport().setOption(option, value);
        } catch (TransportException e) {
            throw ConnectionErrors.option(this, "setting " + option + " to " + value, e);
        }
    }

    @Override
    public <T> T getOption(SocketOption<T> option) throws IOException {
        Objects.requireNonNull(option, "option");
        try {
            return transport().getOption(option);
        } catch (TransportException e) {
            throw ConnectionErrors.option(this, "getting " + option, e);
        }
    }

    @Override
    public @Nullable Object attachment() {
        return attachment;
    }

    @Override
    public void attach(@Nullable Object attachment) {
        this.attachment = attachment;
    }

    @Override
    public void onRequest(ConnectionHandler handler) {
        setHandler(Objects.requireNonNull(handler, "handler"));
    }

    @Override
    public void pauseReading() {
        inbound.pauseByUser(true);
    }

    @Override
    public void resumeReading() {
        inbound.pauseByUser(false);
    }

    @Override
    public boolean isReadingPaused() {
        return inbound.isPausedByUser();
    }

    @Override
    public void shutdownOutput() throws IOException {
        try {
            outbound.shutdown();
        } catch (TransportException e) {
            noteErrno(e.errno());
            throw ConnectionErrors.broken(this, "shutdown", 0);
        }
    }

    @Override
    public void close() {
        ask(false);
        leaveSides();
    }

    @Override
    public void abort() {
        ask(true);
        leaveSides();
    }

    private void leaveSides() {
        if (!has(RUNNING)) {
            inbound.leaveForGood();
            outbound.leaveForGood();
        }
    }

    // ---- Connection, its end ----

    @Override
    public DetachedSocket detach() throws IOException {
        return new Detachment(this).detach();
    }

    @Override
    public ByteChannel asByteChannel() {
        SharedChannel present = channel;
        if (present == null) {
            SharedChannel made = new SharedChannel(this);
            present = (SharedChannel) CHANNEL.compareAndExchange(this, null, made);
            present = present == null ? made : present;
        }
        return present;
    }

    @Override
    public String toString() {
        return "Connection[" + localAddress() + " -> " + remoteAddress() + (isActive() ? ", active]" : ", not active]");
    }
}
