// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors
package dev.netpoll.internal.poll;

/**
 * How a listening socket is opened.
 *
 * @param backlog length of the accept queue; 0 takes the system's maximum (somaxconn)
 * @param reusePort whether several sockets may share the address (SO_REUSEPORT)
 * @param replaceStalePath whether a Unix socket path that nobody listens on is deleted before binding
 */
public record ListenOptions(int backlog, boolean reusePort, boolean replaceStalePath) {}
