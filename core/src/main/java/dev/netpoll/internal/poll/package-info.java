// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * The contract between an event loop and an operating system: a {@link dev.netpoll.internal.poll.Mechanism} creates
 * sockets, a {@link dev.netpoll.internal.poll.Poller} waits for them, a
 * {@link dev.netpoll.internal.transport.Transport} is one connected socket.
 *
 * <p>The contract is completion-shaped: a backend delivers received bytes, send progress, the end of the peer's stream
 * and errors; it never exposes readiness. Each backend has its own subpackage and knows no other; those that use system
 * calls share {@code posix}.
 */
package dev.netpoll.internal.poll;
