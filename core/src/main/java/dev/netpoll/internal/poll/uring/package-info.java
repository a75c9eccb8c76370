// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Sockets of 64-bit Linux through io_uring, without additional native code.
 *
 * <p>The kernel accepts, and receives into the loop's buffers, without a request for each (multishot); sends are
 * collected during a turn. One system call then submits the turn's operations and waits for the next completions.
 *
 * <p>A socket is one object in layers, and so is a poller: each layer adds one idea and sees those below it.
 *
 * <pre>
 * UringTransport > SendingSocket > ReceivingSocket     start and end, sending, receiving
 * UringPoller > RingTurn > MovableRing                 sockets, turns, one ring after the other
 * Submissions, Completions, BufferRings, Ring          operations, completions, receive buffers; the kernel's queues
 * </pre>
 */
package dev.netpoll.internal.poll.uring;
