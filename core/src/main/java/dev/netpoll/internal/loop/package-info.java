// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * The event loop: {@link dev.netpoll.internal.loop.EventLoop} turns poll → deliver → run tasks → expire timers, for the
 * connections that live on it.
 */
package dev.netpoll.internal.loop;
