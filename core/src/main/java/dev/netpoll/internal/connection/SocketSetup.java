// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.internal.transport.SocketOptions;
import dev.netpoll.internal.transport.Transport;
import java.io.IOException;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.time.Duration;
import java.util.Map;

/** Sets the socket options of a new connection: those the user named, and those by which TCP detects a lost peer. */
public final class SocketSetup {
    private static final int KEEP_ALIVE_PROBES = 3;

    /** Linux takes no more (MAX_TCP_KEEPIDLE). */
    private static final int KEEP_ALIVE_MAX_SECONDS = 32767;

    private SocketSetup() {}

    /**
     * Sets the options.
     *
     * @param unix whether the socket is a Unix socket, which has no TCP options
     * @throws UnsupportedOperationException if an option that the user named is not known
     */
    public static void apply(Transport transport, ConnectionOptions options, boolean unix) throws IOException {
        if (!unix) {
            keepAlive(transport, options.keepAlive());
            if (!options.userTimeout().equals(Connection.NO_TIMEOUT)) {
                setIfKnown(transport, SocketOptions.TCP_USER_TIMEOUT, millis(options.userTimeout()));
            }
            if (options.zeroCopyThreshold() > 0) {
                setIfKnown(transport, SocketOptions.ZERO_COPY_THRESHOLD, options.zeroCopyThreshold());
            }
        }
        for (Map.Entry<SocketOption<?>, Object> entry : options.socketOptions().entrySet()) {
            set(transport, entry.getKey(), entry.getValue());
        }
    }

    /** {@return the milliseconds, clamped to what the kernel accepts} */
    private static int millis(Duration duration) {
        return duration.compareTo(Duration.ofMillis(Integer.MAX_VALUE)) >= 0
                ? Integer.MAX_VALUE
                : Math.max(1, (int) duration.toMillis());
    }

    private static void keepAlive(Transport transport, Duration idle) throws IOException {
        if (idle.equals(Connection.NO_TIMEOUT)) {
            return;
        }
        int seconds = Math.clamp(idle.toSeconds(), 1, KEEP_ALIVE_MAX_SECONDS);
        transport.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
        setIfKnown(transport, SocketOptions.TCP_KEEPIDLE, seconds);
        setIfKnown(transport, SocketOptions.TCP_KEEPINTVL, Math.max(1, seconds / 4));
        setIfKnown(transport, SocketOptions.TCP_KEEPCNT, KEEP_ALIVE_PROBES);
    }

    private static void setIfKnown(Transport transport, SocketOption<Integer> option, int value) throws IOException {
        try {
            transport.setOption(option, value);
        } catch (UnsupportedOperationException e) {
            // a default or hint that this backend or platform lacks; for options that the user named, this is an error
        }
    }

    private static <T> void set(Transport transport, SocketOption<T> option, Object value) throws IOException {
        transport.setOption(option, option.type().cast(value));
    }
}
