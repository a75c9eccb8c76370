// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.DetachedSocket;
import dev.netpoll.FrameTooLargeException;
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
import java.net.SocketAddress;
import java.net.SocketOption;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ByteChannel;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A connection over a transport. Joins the two sides, the timer and the runs of the callbacks; what decides about its
 * life is in {@link Lifecycle}.
 *
 * <p><b>Place.</b> Made by who accepts, dials or adopts; lives on one event loop.
 *
 * <p><b>Threads.</b> {@link TransportEvents} methods on the loop; the rest as {@link Connection} says. Other threads
 * leave what the loop is to do in the state word and the parts, and {@link #signal} it, which allocates nothing and
 * cannot fail; {@link #signalled} looks at everything.
 */
public final class SocketConnection extends Link
        implements Connection, TransportEvents, Runnable, Thread.UncaughtExceptionHandler {
    /** Told about the connect of a dialed connection, on the loop. */
    interface ConnectEvents {
        /** The connect succeeded, with errno 0, or failed. */
        void connected(int errno);
    }

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

    private final Inbound inbound;
    private final Outbound outbound;
    private final Lifecycle lifecycle;
    private final Reader reader;
    private final Writer writer;

    /** Made when it is needed, by whoever needs it first. */
    private volatile @Nullable SharedChannel channel;

    private volatile @Nullable Object attachment;

    /** Whether the loop counts it. Loop only. */
    private boolean assigned = true;

    /** Waits for the connect; null afterwards. Loop only. */
    private @Nullable ConnectEvents connecting;

    /** Makes a connection; it is told to start by {@link Lifecycle}. */
    public SocketConnection(EventLoop loop, Transport transport, ConnectionConfig config) {
        super(loop, transport, config);
        inbound = new Inbound(this);
        outbound = new Outbound(this);
        lifecycle = new Lifecycle(this);
        if (!config.options().idleTimeout().equals(NO_TIMEOUT)) {
            ConnectionTimer _ = timer();
        }
        reader = BUFFERS.reader(Reader.class, inbound);
        writer = BUFFERS.writer(Writer.class, outbound);
        loop.assign(); // last: there is nothing to take back if making it has failed
    }

    Inbound inbound() {
        return inbound;
    }

    Outbound outbound() {
        return outbound;
    }

    /** <i>Loop.</i> The connection lives from now on. */
    void startTimer() {
        ConnectionTimer present = timerIfMade();
        if (present != null) {
            present.start();
        }
    }

    /** <i>Loop.</i> Stops the timer for good. */
    void stopTimer() {
        ConnectionTimer present = timerIfMade();
        if (present != null) {
            present.stop();
        }
    }

    /** {@return what decides about the connection's life} */
    public Lifecycle lifecycle() {
        return lifecycle;
    }

    /** {@return whether it was made by the server or dialer that owns this configuration} */
    public boolean belongsTo(ConnectionConfig other) {
        return config() == other;
    }

    /** Sets the socket's options, as the configuration says; one of our addresses tells the family. */
    public void setUp(@Nullable SocketAddress address) throws IOException {
        try {
            SocketSetup.apply(transport(), config().options(), address instanceof UnixDomainSocketAddress);
        } catch (TransportException e) {
            throw ConnectionErrors.option(this, "setting the socket's options", e);
        }
    }

    /** Gives it bytes that were received earlier; before it starts. */
    public void seed(LinkBuffer unread) {
        inbound.makeBuffer();
        inbound.seed(BUFFERS.take(unread));
    }

    @Override
    protected void signalled() {
        if (has(END_FAILED)) {
            ConnectionEnd.comeAgain(this);
            return;
        }
        try {
            if (has(STARTING)) {
                lifecycle.startOnLoop();
                return;
            }
            if (has(HANDING_FAILED) && remove(HANDING_FAILED)) {
                CallbackRunner.takeBack(this);
            }
            if (has(PREPARED) && remove(PREPARED)) {
                lifecycle.prepared();
            }
            if (!has(LIVE)) { // it looks when it lives
                if (isResident() && connecting == null) {
                    lifecycle.signalledEarly();
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
            lifecycle.signalled();
        } catch (Throwable t) {
            fault(t);
        }
    }

    /** It is to end for the memory that it holds. Any thread; never throws. */
    @Override
    void giveUpMemory() {
        noteEnd(EndReason.MEMORY_HELD);
        giveUp();
    }

    /** An Error left one of its parts in the middle of something: it can only end. Any thread; never throws. */
    @Override
    void giveUp() {
        try {
            add(CLOSING | ABORTING);
            signal(); // first: this cannot fail
            inbound.wake();
            outbound.wake();
        } catch (Throwable again) {
            // who uses it next, or closes it, finds it wrecked
        }
    }

    /** <i>Loop</i>, when it drains. {@return whether its end has begun, as nothing is being worked on} */
    public boolean closesIfIdle() {
        lifecycle.settle();
        return has(CLOSING);
    }

    /** An executor runs what it was given; see {@link CallbackRunner}. */
    @Override
    public void run() {
        CallbackRunner.take(this);
    }

    /** The thread of an executor dies, for want of memory, and may not have run what it was given: it is done now. */
    @Override
    public void uncaughtException(Thread thread, Throwable error) {
        try {
            CallbackRunner.take(this);
        } catch (Throwable again) {
            giveUp();
        }
    }

    /** Lets the transport connect; loop. */
    void connect(SocketAddress remote, ConnectEvents events) {
        connecting = events;
        loop.poller().connect(transport(), remote, this);
    }

    /** {@return who waited for the connect or what follows it} The argument does from now on; loop. */
    @Nullable
    ConnectEvents await(@Nullable ConnectEvents events) {
        ConnectEvents before = connecting;
        connecting = events;
        return before;
    }

    // ---- transport events, on the loop; what goes wrong here must not reach the other connections of the loop ----

    @Override
    public void connected() {
        ConnectEvents events = connecting;
        connecting = null;
        if (events != null) {
            events.connected(0);
        }
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
            lifecycle.settle();
        } catch (Throwable t) {
            fault(t);
        }
    }

    @Override
    public void peerGone() {
        try {
            add(PEER_GONE);
            lifecycle.settle();
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
            ConnectEvents events = connecting;
            if (events != null) {
                connecting = null;
                events.connected(error);
                return;
            }
            add(BROKEN);
            lifecycle.release(false);
        } catch (Throwable t) {
            fault(t);
        }
    }

    /** <i>Loop.</i> The loop counts it no more. Idempotent. */
    void unassign() {
        if (assigned) {
            loop.unassign();
            assigned = false;
        }
    }

    /** The socket is released: a connect that is under way gets no other answer. Loop. */
    void connectEnds() {
        ConnectEvents events = connecting;
        connecting = null;
        if (events != null) {
            events.connected(Errno.ECONNABORTED);
        }
    }

    /** The loop has sent all it had to; loop. */
    @Override
    void drained() {
        if (!has(CLOSED)) {
            lifecycle.drained();
        }
    }

    /** A run of the handler is due; any thread. */
    @Override
    void runHandler() {
        lifecycle.runHandler();
    }

    @Override
    protected void evict() {
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
                && !inbound.isPaused() // what waits in the kernel can't be known then, with every backend
                && outbound.isEmpty()
                && transport().peek() == -Errno.EAGAIN // first the kernel, then what was taken out of it
                && inbound.isEmpty()
                && isActive();
    }

    @Override
    public boolean isWritable() {
        boolean writable = !config().inline() || outbound.isWritable(); // flushes of handlers that may block wait
        if (!writable && inLoop()) {
            lifecycle.foundUnwritable();
        }
        return writable;
    }

    @Override
    public void demand(int bytes) throws FrameTooLargeException {
        inbound.demand(bytes);
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
        if (!option.type().isInstance(value)) { // a raw type hid it from the compiler
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
        lifecycle.setHandler(Objects.requireNonNull(handler, "handler"));
    }

    @Override
    public void addCloseCallback(ConnectionHandler callback) {
        lifecycle.addCloseCallback(Objects.requireNonNull(callback, "callback"));
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
        lifecycle.ask(false);
        leaveSides();
    }

    @Override
    public void abort() {
        lifecycle.ask(true);
        leaveSides();
    }

    private void leaveSides() {
        if (!has(RUNNING)) {
            inbound.leaveForGood();
            outbound.leaveForGood();
        }
    }

    // ---- Link ----

    @Override
    ConnectionTimer makeTimer() {
        return new ConnectionTimer(this, inbound, outbound);
    }

    @Override
    void closeFor(EndReason reason, boolean abort) {
        noteEnd(reason);
        lifecycle.close(abort);
    }

    @Override
    void fault(Throwable error) {
        lifecycle.fault(error);
    }

    @Override
    boolean hasHandler() {
        return lifecycle.hasHandler();
    }

    @Override
    void readerLeft() {
        lifecycle.readerLeft();
    }

    @Override
    boolean isHeldByRun() {
        return inbound.isHeld();
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
