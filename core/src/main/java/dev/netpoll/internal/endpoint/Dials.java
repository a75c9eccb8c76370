// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.endpoint;

import dev.netpoll.Connection;
import dev.netpoll.Protocol;
import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.internal.connection.ConnectionConfig;
import dev.netpoll.internal.loop.EventLoop;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The settings that all dials of one dialer share. Any thread. */
public final class Dials {
    private final LoopGroup group;
    private final ConnectionConfig config;
    private final @Nullable SocketAddress local;

    /** Dials from {@code local}, or from an address of the system's choice if that is null. */
    public Dials(LoopGroup group, Protocol protocol, @Nullable SocketAddress local) {
        this.group = group;
        this.local = local;
        config = new ConnectionConfig(protocol);
    }

    /** Dials; see {@link dev.netpoll.Dialer#dial(SocketAddress, Duration, Object)}. */
    public Connection dial(SocketAddress address, Duration timeout, @Nullable Object attachment) throws IOException {
        StackRoom.needMuch();
        if (local instanceof InetSocketAddress inet && inet.isUnresolved()) {
            throw new SocketException("cannot dial from " + local + ": unresolved address");
        }
        if (EventLoop.onLoop()) {
            throw new IllegalStateException(
                    "dial() would block the event loop; use Dispatch.adaptive() or virtual() for handlers that dial");
        }
        return new DialAttempt(group.mechanism(), group.lookups(), group.next(), config, local, timeout, attachment)
                .dial(address);
    }
}
