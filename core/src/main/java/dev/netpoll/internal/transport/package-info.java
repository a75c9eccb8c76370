// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * The seam between connections and whatever carries their bytes: a {@link dev.netpoll.internal.transport.Transport}
 * takes bytes to send, and reports what it received to {@link dev.netpoll.internal.transport.TransportEvents}. Modules
 * that carry bytes in another way, or change them on the way, implement it.
 */
package dev.netpoll.internal.transport;
