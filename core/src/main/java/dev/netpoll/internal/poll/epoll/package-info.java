// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Sockets of 64-bit Linux through epoll, edge-triggered, without native code of our own.
 *
 * <p>Every socket is registered once for everything and never changed; what an edge reported and nobody wanted yet is
 * remembered by the transport.
 */
package dev.netpoll.internal.poll.epoll;
