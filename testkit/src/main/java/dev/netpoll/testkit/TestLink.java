// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import dev.netpoll.ConnectionResetException;
import dev.netpoll.testkit.internal.MemoryTransport;

/**
 * The path between a connection of a {@link TestNetwork} and its peer, seen from that connection: inbound is what the
 * peer sends. {@link TestNetwork#link} returns it, for dialed and for accepted connections.
 *
 * <p><b>Threads.</b> Any thread, also callbacks of the connection. A method takes effect before it returns; the
 * connection's event loop reports it soon after.
 *
 * <p><b>Lifetime.</b> After the connection has ended, no method has an effect.
 *
 * @since 0.1
 */
public final class TestLink {
    private final MemoryTransport end;

    TestLink(MemoryTransport end) {
        this.end = end;
    }

    /**
     * Resets the connection. Bytes sent before the reset arrive first, even if they were stalled. Then reads and
     * flushes at both ends throw {@link ConnectionResetException}.
     */
    public void reset() {
        end.cut();
    }

    /** Lets nothing arrive at either end: {@link #stallInbound} and {@link #stallOutbound}. */
    public void stall() {
        end.stall(true);
        end.stallPeer(true);
    }

    /**
     * Lets nothing arrive at this connection, as if the path were dead: neither bytes, nor the end of the peer's
     * stream, nor a reset by the peer. Its reads wait, for as long as their time-outs allow. The peer can send until
     * {@link NetworkFaults#pipeCapacityBytes} are under way; then its flushes wait.
     */
    public void stallInbound() {
        end.stall(true);
    }

    /**
     * Lets nothing arrive at the peer, as if it had stopped reading. This connection can send until {@link
     * NetworkFaults#pipeCapacityBytes} are under way; then its flushes wait, for as long as their time-outs allow.
     */
    public void stallOutbound() {
        end.stallPeer(true);
    }

    /** Ends all stalls of this link: the bytes held back arrive, complete and in order. */
    public void resume() {
        end.stall(false);
        end.stallPeer(false);
    }

    /**
     * Fails the next flush of this connection that reaches the network; each further call fails another one. {@link
     * NetworkError#NO_BUFFERS} fails that flush alone. Any other error breaks the connection: the flush throws {@link
     * ConnectionResetException}, and so do later reads and flushes, once the bytes that have arrived are read. The peer
     * sees a reset.
     *
     * @throws IllegalArgumentException if a send cannot fail with this error
     */
    public void failNextSend(NetworkError error) {
        end.failSends(1, error.number(NetworkError.Kind.SEND));
    }

    /**
     * Fails the connection when the next bytes arrive at it; those bytes, and others not yet delivered, are lost. Reads
     * throw {@link ConnectionResetException}, once the bytes delivered before are read. The peer sees a reset.
     *
     * @throws IllegalArgumentException if a receive cannot fail with this error
     */
    public void failNextReceive(NetworkError error) {
        end.failReceives(1, error.number(NetworkError.Kind.RECEIVE));
    }

    /** {@return how many bytes the peer has sent that have not arrived at this connection} */
    public int inboundBytes() {
        return end.inboundBytes();
    }

    /** {@return how many bytes this connection has sent that have not arrived at the peer} */
    public int outboundBytes() {
        return end.outboundBytes();
    }

    /** {@return whether this end of the connection is open, whatever the peer has done} */
    public boolean isOpen() {
        return end.isOpen();
    }

    /** {@return both addresses} */
    @Override
    public String toString() {
        return "link of " + end;
    }
}
