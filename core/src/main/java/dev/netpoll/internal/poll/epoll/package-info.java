// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Sockets of 64-bit Linux through epoll, edge-triggered, without additional native code.
 *
 * <p>Every socket is registered once, for all events, and the registration never changes; the transport remembers edges
 * that nobody wanted yet.
 */
package dev.netpoll.internal.poll.epoll;
