// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Sockets as file descriptors: code shared by the epoll and io_uring backends.
 *
 * <p>The backends decide how to receive bytes and accept connections. The rest is here: opening, binding and closing,
 * the use of a socket by other threads, and finding the socket of an event. Names of Linux's abstract namespace are
 * Unix socket paths that begin with {@code @}.
 */
package dev.netpoll.internal.poll.posix;
