// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.nio;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.SocketException;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NotYetConnectedException;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class NioErrnoTest {
    static Stream<Arguments> exceptions() {
        return Stream.of(
                Arguments.of(new SocketException("Connection reset"), "ECONNRESET"),
                Arguments.of(new IOException("Connection reset by peer"), "ECONNRESET"),
                Arguments.of(new IOException("Broken pipe"), "EPIPE"),
                Arguments.of(new ConnectException("Connection refused"), "ECONNREFUSED"),
                Arguments.of(new ConnectException("Verbindungsaufbau abgelehnt"), "ECONNREFUSED"),
                Arguments.of(new ConnectException("Connection timed out"), "ETIMEDOUT"),
                Arguments.of(new BindException("Address already in use"), "EADDRINUSE"),
                Arguments.of(new BindException("Cannot assign requested address"), "EADDRNOTAVAIL"),
                Arguments.of(new BindException("Permission denied"), "EACCES"),
                Arguments.of(new IOException("Too many open files"), "EMFILE"),
                Arguments.of(new IOException("Too many open files in system"), "ENFILE"),
                Arguments.of(new ClosedChannelException(), "EBADF"),
                Arguments.of(new AsynchronousCloseException(), "EBADF"),
                Arguments.of(new NotYetConnectedException(), "ENOTCONN"),
                Arguments.of(new TransportException("x", Errno.EPROTO), "EPROTO"),
                Arguments.of(new IOException("something new"), "EIO"),
                Arguments.of(new IOException(), "EIO"));
    }

    @ParameterizedTest
    @MethodSource("exceptions")
    void exceptionsBecomeErrorNumbers(Exception thrown, String name) {
        assertThat(Errno.name(NioErrno.of(thrown, Errno.EIO))).isEqualTo(name);
    }
}
