// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * A listening descriptor, for the backend to make its socket of.
 *
 * @param fd the descriptor; who takes it closes it
 * @param address the bound address, with the real port
 * @param pathKey identifies the file we made, or null
 */
public record Bound(int fd, SocketAddress address, @Nullable Object pathKey) {}
