// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * The seam between connections and the mechanisms that carry their bytes: a
 * {@link dev.netpoll.internal.transport.Transport} takes bytes to send, and reports received bytes to
 * {@link dev.netpoll.internal.transport.TransportEvents}. Modules that carry bytes in another way, or transform them,
 * implement it.
 */
package dev.netpoll.internal.transport;
