// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.ConnectFailedException;
import dev.netpoll.ConnectionClosedException;
import dev.netpoll.ConnectionException;
import dev.netpoll.ConnectionResetException;
import dev.netpoll.PeerClosedException;
import dev.netpoll.ReadTimeoutException;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.RawListener;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.net.SocketAddress;
import org.junit.jupiter.api.Test;

/** What exceptions tell: what was tried, with whom, and the system's name of the error. */
class ErrnoTest extends ConformanceTest {
    @Test
    void aFailedWriteNamesItsErrorAndItsPeer() throws Exception {
        Pair pair = net.pair();
        pair.connection().writer().writeUtf8("hi").flush();
        pair.peer().receive(1);
        pair.peer().reset();
        Await.until("the reset is noticed", () -> !pair.connection().isActive());
        ConnectionException e = (ConnectionException)
                catchThrowable(() -> pair.connection().writer().writeByte(1).flush());
        assertThat(e).isInstanceOf(ConnectionResetException.class).isInstanceOf(IOException.class);
        assertThat(e.operation()).isEqualTo("write");
        assertThat(e.remoteAddress()).isEqualTo(pair.connection().remoteAddress());
        assertThat(e.localAddress()).isEqualTo(pair.connection().localAddress());
        assertThat(e).hasMessageContaining("write").hasMessageContaining(String.valueOf(e.remoteAddress()));
        if (variant.isNative()) {
            assertThat(e.errno()).isIn("ECONNRESET", "EPIPE");
        }
    }

    @Test
    void aFailedConnectNamesItsErrorAndItsPeer() throws Exception {
        SocketAddress address;
        try (RawListener listener = net.listenRaw()) {
            address = listener.address();
        }
        ConnectFailedException e = (ConnectFailedException) catchThrowable(() -> net.dial(address));
        assertThat(e).hasMessageContaining("connect").hasMessageContaining(address.toString());
        if (variant.isNative()) {
            assertThat(e.errno()).isEqualTo(variant.isTcp() ? "ECONNREFUSED" : "ENOENT");
        }
    }

    @Test
    void endTimeoutAndLocalCloseAreThreeThingsAndNoSystemErrors() throws Exception {
        Pair pair = net.pair();
        pair.connection().setReadTimeout(Timing.SHORT);
        Throwable timeout = catchThrowable(() -> pair.connection().reader().readByte());
        pair.peer().finish();
        Throwable end = catchThrowable(() -> pair.connection().reader().readInt());
        pair.connection().close();
        Throwable closed = catchThrowable(() -> pair.connection().reader().readByte());
        assertThat(timeout).isInstanceOf(ReadTimeoutException.class);
        assertThat(end).isInstanceOf(PeerClosedException.class);
        assertThat(closed).isInstanceOf(ConnectionClosedException.class);
        for (Throwable each : new Throwable[] {timeout, end, closed}) {
            ConnectionException e = (ConnectionException) each;
            assertThat(e.operation()).isEqualTo("read");
            assertThat(e.errno()).isNull();
            assertThat(e.remoteAddress()).isEqualTo(pair.connection().remoteAddress());
        }
    }
}
