// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Sockets of 64-bit Linux through io_uring, without native code of our own.
 *
 * <p>The kernel accepts and receives on its own, into memory of ours; what is to be sent is collected during a turn.
 * One system call then submits the turn's work and waits for the next.
 *
 * <p>A socket is one object in layers, and so is a poller: each layer adds one idea and sees those below it.
 *
 * <pre>
 * UringTransport > SendingSocket > ReceivingSocket     start and end, sending, receiving
 * UringPoller > RingTurn > MovableRing                 sockets, turns, one ring after the other
 * Submissions, Completions, BufferRings, Ring          what is collected, completed, received into; the kernel's queues
 * </pre>
 */
package dev.netpoll.internal.poll.uring;
