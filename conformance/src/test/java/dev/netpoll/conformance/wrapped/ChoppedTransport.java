// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.wrapped;

import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.transport.Crash;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** A transport that chops, around one that does not: {@link ChoppedReceiving} and {@link ChoppedSending}. */
final class ChoppedTransport implements Transport {
    private final Transport inner;
    private final ChoppedReceiving receiving;
    private final ChoppedSending sending;
    private @Nullable ChoppedPoller poller;
    private @Nullable TransportEvents receiver;

    /** Failed, closed or detached: nothing is told any more. Loop. */
    private boolean done;

    private volatile boolean closed;

    ChoppedTransport(Transport inner, long seed) {
        this.inner = inner;
        SplittableRandom random = new SplittableRandom(seed);
        receiving = new ChoppedReceiving(this, random.split());
        sending = new ChoppedSending(this, random.split());
    }

    // ---- for its poller and its parts ----

    Transport inner() {
        return inner;
    }

    void joins(ChoppedPoller target, TransportEvents events) {
        poller = target;
        receiver = events;
    }

    ChoppedPoller poller() {
        if (poller == null) {
            throw new IllegalStateException("not registered: " + this);
        }
        return poller;
    }

    TransportEvents receiver() {
        if (receiver == null) {
            throw new IllegalStateException("not registered: " + this);
        }
        return receiver;
    }

    boolean isDone() {
        return done;
    }

    /** {@return when it wants a turn, by {@link System#nanoTime()}} */
    long turnAt() {
        return sending.turnAt();
    }

    /** Goes on; what that throws fails this transport alone. */
    void turn() {
        try {
            receiving.turn();
            sending.turn();
        } catch (Throwable t) {
            fail(Crash.errno(t));
            Crash.log("wrapped socket", t);
        }
    }

    /** Delivers the rest, and then why there is no more. */
    void fail(int errno) {
        if (done) {
            return;
        }
        sending.letGo();
        try {
            receiving.deliverAll();
        } finally {
            if (!done) {
                done = true;
                receiver().failed(errno);
            }
        }
    }

    /** {@return what the wrapped transport reports to} */
    TransportEvents events() {
        return new TransportEvents() {
            @Override
            public void connected() {
                receiver().connected();
            }

            @Override
            public void received(Segment segments) {
                receiving.received(segments);
            }

            @Override
            public void peerFinished() {
                receiving.peerFinished();
            }

            @Override
            public void peerGone() {
                receiving.peerGone();
            }

            @Override
            public void sent(long bytes, boolean drained) {
                sending.sent(bytes, drained);
            }

            @Override
            public void failed(int errno) {
                fail(errno);
            }
        };
    }

    // ---- the contract ----

    @Override
    public int send(SendQueue queue) {
        return closed ? -Errno.EBADF : sending.send(queue);
    }

    @Override
    public boolean gathersSends() {
        return inner.gathersSends();
    }

    @Override
    public void sendRest(SendQueue queue) {
        if (!done) {
            sending.sendRest(queue);
        }
    }

    @Override
    public void stopSending() {
        sending.stop();
    }

    @Override
    public void pauseReading() {
        receiving.pause();
    }

    @Override
    public void resumeReading() {
        receiving.resume();
    }

    /** First the kernel, then what was taken out of it. */
    @Override
    public int peek() {
        int result = inner.peek();
        return result != -Errno.EBADF && receiving.holdsBytes() ? 1 : result;
    }

    @Override
    public void arrived() {
        receiving.arrived();
    }

    @Override
    public void shutdownOutput() throws TransportException {
        inner.shutdownOutput();
    }

    @Override
    public void close(boolean abort) {
        leave();
        closed = true;
        try {
            inner.close(abort);
        } finally {
            sending.letGo();
            receiving.free();
        }
    }

    /** What is held goes to the receiver: who takes the socket over does not know of us. */
    @Override
    public RawSocket detach() throws TransportException {
        if (closed) {
            throw new TransportException("detach", Errno.EBADF);
        }
        receiving.deliverAll();
        RawSocket detached = inner.detach();
        leave();
        closed = true;
        return detached;
    }

    private void leave() {
        done = true;
        if (poller != null) {
            poller.forget(this);
        }
    }

    @Override
    public void discard(RawSocket detached) {
        inner.discard(detached);
    }

    @Override
    public @Nullable SocketAddress localAddress() {
        return inner.localAddress();
    }

    @Override
    public @Nullable SocketAddress remoteAddress() {
        return inner.remoteAddress();
    }

    @Override
    public <T> void setOption(SocketOption<T> option, T value) throws IOException {
        inner.setOption(option, value);
    }

    @Override
    public <T> T getOption(SocketOption<T> option) throws IOException {
        return inner.getOption(option);
    }

    @Override
    public String toString() {
        return "chopped " + inner;
    }
}
