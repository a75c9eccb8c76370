// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * The contract between an event loop and an operating system: {@link dev.netpoll.internal.poll.Mechanism} makes
 * sockets, {@link dev.netpoll.internal.poll.Poller} waits for them, {@link dev.netpoll.internal.transport.Transport} is
 * one connected socket.
 *
 * <p>The contract is completion-shaped: a backend delivers received bytes, send progress, the end of the peer's
 * stream and errors; it never exposes readiness. Each backend lives in a subpackage and knows no other; those
 * that speak to the kernel themselves share {@code posix}.
 */
package dev.netpoll.internal.poll;
