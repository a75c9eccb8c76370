// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.internal.transport.SocketOptions;
import dev.netpoll.internal.transport.Transport;
import java.io.IOException;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

@ParameterizedClass
@MethodSource("dev.netpoll.internal.poll.Variant#all")
class OptionContractTest extends ContractTest {
    OptionContractTest(Variant variant) {
        super(variant);
    }

    @Test
    void optionsComeBackAsTheyWereSet() throws IOException {
        variant.assume(variant.isTcp(), "needs TCP");
        Transport socket = pair().client();
        check(socket, StandardSocketOptions.SO_KEEPALIVE, true);
        check(socket, StandardSocketOptions.SO_KEEPALIVE, false);
        check(socket, StandardSocketOptions.TCP_NODELAY, false);
        check(socket, StandardSocketOptions.SO_SNDBUF, 40_000);
        check(socket, StandardSocketOptions.SO_RCVBUF, 50_000);
        check(socket, StandardSocketOptions.SO_REUSEADDR, true);
        check(socket, StandardSocketOptions.SO_LINGER, 3);
        check(socket, StandardSocketOptions.SO_LINGER, -1);
        check(socket, SocketOptions.TCP_KEEPIDLE, 100);
        check(socket, SocketOptions.TCP_KEEPINTVL, 20);
        check(socket, SocketOptions.TCP_KEEPCNT, 4);
    }

    @Test
    void optionsThatOnlyTheKernelHasWorkWithEpoll() throws IOException {
        variant.assume(variant.isTcp() && variant.isReal(), "needs the TCP of a kernel");
        Transport socket = pair().client();
        if (variant.isNative()) {
            check(socket, SocketOptions.TCP_USER_TIMEOUT, 5000);
            check(socket, SocketOptions.TCP_NOTSENT_LOWAT, 16_384);
        } else {
            assertThatThrownBy(() -> socket.setOption(SocketOptions.TCP_USER_TIMEOUT, 1))
                    .isInstanceOf(UnsupportedOperationException.class)
                    .hasMessageContaining("TCP_USER_TIMEOUT")
                    .hasMessageContaining("nio");
        }
    }

    @Test
    void constantsOfTheJdkAreFoundByTheirNames() throws IOException {
        variant.assume(variant.isTcp() && variant.isReal(), "needs the TCP of a kernel");
        Transport socket = pair().client();
        check(socket, named("TCP_KEEPINTERVAL"), 30);
        assertThat(socket.getOption(SocketOptions.TCP_KEEPINTVL)).isEqualTo(30);
    }

    @Test
    void unixSocketsHaveNoTcpOptionsAndUnknownOnesAreNamed() throws IOException {
        variant.assume(variant.isReal(), "needs a kernel");
        Transport socket = pair().client();
        assertThatThrownBy(() -> socket.getOption(named("SO_STRANGE")))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining("SO_STRANGE")
                .hasMessageContaining(backend.name());
        if (!variant.isTcp()) {
            check(socket, StandardSocketOptions.SO_SNDBUF, 40_000);
            assertThatThrownBy(() -> socket.setOption(StandardSocketOptions.TCP_NODELAY, true))
                    .isInstanceOf(UnsupportedOperationException.class);
        }
    }

    @Test
    void theTypeOfServiceComesBackAsItWasSet() throws IOException {
        variant.assume(variant.isReal(), "needs a kernel");
        Transport socket = pair().client();
        if (variant.isTcp()) {
            check(socket, StandardSocketOptions.IP_TOS, 0x18);
            assertThatThrownBy(() -> socket.setOption(StandardSocketOptions.IP_TOS, 256))
                    .isInstanceOf(IllegalArgumentException.class);
        } else {
            assertThatThrownBy(() -> socket.setOption(StandardSocketOptions.IP_TOS, 0x18))
                    .isInstanceOf(UnsupportedOperationException.class);
        }
    }

    @Test
    void aNegativeBufferSizeIsRefused() throws IOException {
        variant.assume(variant.isReal(), "needs a kernel");
        Transport socket = pair().client();
        for (SocketOption<Integer> option : List.of(StandardSocketOptions.SO_SNDBUF, StandardSocketOptions.SO_RCVBUF)) {
            int before = socket.getOption(option);
            assertThatThrownBy(() -> socket.setOption(option, -1)).isInstanceOf(IllegalArgumentException.class);
            assertThat(socket.getOption(option)).isEqualTo(before);
        }
    }

    @Test
    void lingeringForLongerThanTheKernelCountsIsCutOff() throws IOException {
        variant.assume(variant.isTcp() && variant.isReal(), "needs the TCP of a kernel");
        Transport socket = pair().client();
        socket.setOption(StandardSocketOptions.SO_LINGER, 100_000);
        assertThat(socket.getOption(StandardSocketOptions.SO_LINGER)).isEqualTo(65_535);
    }

    @Test
    void lingeringNeverBlocksTheLoop() throws IOException {
        variant.assume(variant.isTcp(), "needs TCP");
        Pair pair = pair();
        pair.server().pauseReading();
        fill(pair.client());
        pair.client().setOption(StandardSocketOptions.SO_LINGER, 30);
        long start = System.nanoTime();
        close(pair.client(), pair.atClient(), false);
        poller.poll(0);
        assertThat(System.nanoTime() - start).isLessThan(5_000_000_000L);
    }

    private static <T> void check(Transport socket, SocketOption<T> option, T value) throws IOException {
        socket.setOption(option, value);
        assertThat(socket.getOption(option)).as(option.name()).isEqualTo(value);
    }

    private static SocketOption<Integer> named(String name) {
        return new SocketOption<>() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public Class<Integer> type() {
                return Integer.class;
            }
        };
    }
}
