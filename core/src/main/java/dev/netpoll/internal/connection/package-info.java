// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Connections: {@link dev.netpoll.internal.connection.SocketConnection} joins a transport, an inbound and an outbound
 * side, and the runs of the handlers; {@link dev.netpoll.internal.connection.Acceptor} and
 * {@link dev.netpoll.internal.connection.DialAttempt} make them.
 */
package dev.netpoll.internal.connection;
