// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * A listening descriptor, from which the backend creates its socket.
 *
 * @param fd the descriptor; the receiver must close it
 * @param address the bound address, with the real port
 * @param pathKey identifies the file that binding created, or null
 */
public record Bound(int fd, SocketAddress address, @Nullable Object pathKey) {}
