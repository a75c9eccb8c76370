// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import dev.netpoll.internal.memory.Segment;

/**
 * The events that a transport reports, on the thread that polls. Methods may call the transport, even {@code close}; it
 * reports nothing after {@code close}.
 *
 * <p>Order: {@link #connected} (dialed only) → {@link #received}* → {@link #peerFinished} at most once; {@link #failed}
 * at most once, as the last event. All bytes that arrived before the end of the stream or an error are delivered first.
 *
 * <p>While reading is paused, an end of the stream is only announced, by {@link #peerGone}, and waits behind the bytes
 * before it. But once a connection is broken in both directions (a reset, or a Unix peer that closed), nothing more can
 * come: the remaining bytes are then delivered in spite of the pause, followed by the end or failure, so that a waiting
 * sender learns of it. A backend that cannot see hang-ups while paused (NIO) reports neither before reading resumes or
 * sending fails.
 */
public interface TransportEvents {
    /** The connect has succeeded. */
    void connected();

    /**
     * Bytes arrived; the receiver owns the segments. Their {@code charge} is not set yet: each counts its whole block.
     * So no two may share a block, and a transport that splits what it received must copy.
     */
    void received(Segment segments);

    /** The peer finished sending (end of stream). Sending may still be possible. */
    void peerFinished();

    /**
     * The peer finished sending while reading is paused, so unread bytes may precede the end of the stream. Reported at
     * most once; {@link #peerFinished} or {@link #failed} follows when reading resumes, or when the other direction
     * breaks, too.
     */
    void peerGone();

    /**
     * Bytes of the queue given to {@link Transport#sendRest} went to the kernel.
     *
     * @param bytes how many, since the last report; 0 if the kernel took none of the gathered bytes
     * @param drained whether the queue is now empty; then the transport no longer holds it
     */
    void sent(long bytes, boolean drained);

    /**
     * The socket is broken in both directions: a reset, a lost path, or a failed connect. Also ENOMEM, if there was no
     * memory for bytes that arrived, and EFAULT, if the user closed the arena of memory being sent. The transport has
     * let go of its queue, and must be closed.
     */
    void failed(int errno);
}
