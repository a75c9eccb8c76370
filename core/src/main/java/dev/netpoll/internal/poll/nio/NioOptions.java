// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.nio;

import java.net.SocketOption;
import java.nio.channels.NetworkChannel;
import java.util.Map;

/** Finds the JDK's constant for an option by name, and so uses {@code jdk.net} where it is present. */
final class NioOptions {
    /** The kernel's names of options that have other names in the JDK. */
    private static final Map<String, String> ALIASES =
            Map.of("TCP_KEEPINTVL", "TCP_KEEPINTERVAL", "TCP_KEEPCNT", "TCP_KEEPCOUNT");

    private NioOptions() {}

    /**
     * {@return the channel's own constant}
     *
     * @throws UnsupportedOperationException if the channel has none
     */
    @SuppressWarnings("unchecked") // the types of equally named options are compared
    static <T> SocketOption<T> find(NetworkChannel channel, SocketOption<T> option) {
        String name = ALIASES.getOrDefault(option.name(), option.name());
        for (SocketOption<?> supported : channel.supportedOptions()) {
            if (supported.name().equals(name) && supported.type() == option.type()) {
                return (SocketOption<T>) supported;
            }
        }
        throw new UnsupportedOperationException(
                "socket option " + option.name() + " is not supported by the nio backend for this socket");
    }
}
