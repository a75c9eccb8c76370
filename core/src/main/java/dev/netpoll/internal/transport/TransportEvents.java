// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import dev.netpoll.internal.memory.Segment;

/**
 * What a transport reports, on the thread that polls. Methods may call the transport back, also {@code close}; nothing
 * is reported after {@code close}.
 *
 * <p>Order: {@link #connected} (dialed only) → {@link #received}* → {@link #peerFinished} at most once; {@link #failed}
 * at most once, as the last event. All bytes that arrived before the end of the stream or an error are delivered first.
 *
 * <p>While reading is paused, an end of the stream is only announced, by {@link #peerGone}, and waits with the bytes
 * before it. But once a connection is broken in both directions (a reset, or a Unix peer that closed) nothing more can
 * come: what is left is then delivered in spite of the pause, and the end or failure behind it is told, so that whoever
 * waits to send learns of it. A backend that cannot see hang-ups while paused (NIO) tells neither before reading is
 * resumed or sending fails.
 */
public interface TransportEvents {
    /** The connect that was started has succeeded. */
    void connected();

    /**
     * Bytes arrived; the receiver owns the segments. Their {@code charge} is not set yet: each counts for the whole of
     * its block. So no two share a block, and a transport that divides what it received copies.
     */
    void received(Segment segments);

    /** The peer finished sending (end of stream). Sending may still be possible. */
    void peerFinished();

    /**
     * The peer finished sending while reading is paused, so unread bytes may precede the end of the stream. Told at
     * most once; {@link #peerFinished} or {@link #failed} follow when reading is resumed, or when the rest breaks too.
     */
    void peerGone();

    /**
     * Bytes of the queue given to {@link Transport#sendRest} went to the kernel.
     *
     * @param bytes how many, since the last report; 0 if the kernel has refused what was gathered
     * @param drained whether the queue is empty now; the transport no longer holds it then
     */
    void sent(long bytes, boolean drained);

    /**
     * The socket is broken in both directions: a reset, a lost path, or a failed connect. Also ENOMEM, when there was
     * no memory for bytes that arrived, and EFAULT, when a user closed the arena of memory that was to be sent. The
     * transport has let go of its queue, and is to be closed.
     */
    void failed(int errno);
}
