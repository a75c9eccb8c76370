// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Connections: {@link dev.netpoll.internal.connection.SocketConnection} joins a transport, an inbound and an outbound
 * side, and the runs of the handlers. The package above, {@code endpoint}, makes them.
 */
package dev.netpoll.internal.connection;
