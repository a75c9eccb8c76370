// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Sockets as file descriptors: what every backend has in common that speaks to the kernel itself.
 *
 * <p>How bytes come in and how connections are accepted is for the backends to say. Here is the rest: opening, binding
 * and closing, what other threads do with a socket, and finding the socket that an event is about. Names of Linux's
 * abstract namespace are Unix socket paths that begin with {@code @}.
 */
package dev.netpoll.internal.poll.posix;
