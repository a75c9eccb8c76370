// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import java.nio.channels.SocketChannel;
import org.jspecify.annotations.Nullable;

/**
 * A connected socket outside of any poller: a descriptor for backends that use system calls, a channel for NIO.
 *
 * @param fd the descriptor, or -1
 * @param channel the channel, or null
 */
public record RawSocket(int fd, @Nullable SocketChannel channel) {}
