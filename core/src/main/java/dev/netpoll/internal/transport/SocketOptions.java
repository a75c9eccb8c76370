// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import java.net.SocketOption;

/**
 * Socket options that {@link java.net.StandardSocketOptions} lacks.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/tcp.7.html">tcp(7)</a>
 */
public final class SocketOptions {
    public static final SocketOption<Integer> TCP_KEEPIDLE = new Option("TCP_KEEPIDLE");
    public static final SocketOption<Integer> TCP_KEEPINTVL = new Option("TCP_KEEPINTVL");
    public static final SocketOption<Integer> TCP_KEEPCNT = new Option("TCP_KEEPCNT");
    public static final SocketOption<Integer> TCP_USER_TIMEOUT = new Option("TCP_USER_TIMEOUT");
    public static final SocketOption<Integer> TCP_NOTSENT_LOWAT = new Option("TCP_NOTSENT_LOWAT");

    /** An option of this library, not the kernel's: pieces of at least this many bytes are sent without copying. */
    public static final SocketOption<Integer> ZERO_COPY_THRESHOLD = new Option("ZERO_COPY_THRESHOLD");

    private SocketOptions() {}

    private record Option(String name) implements SocketOption<Integer> {
        @Override
        public Class<Integer> type() {
            return Integer.class;
        }

        @Override
        public String toString() {
            return name;
        }
    }
}
