// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.ConnectFailedException;
import dev.netpoll.ConnectTimeoutException;
import dev.netpoll.Connection;
import dev.netpoll.Dialer;
import java.io.IOException;
import java.net.SocketAddress;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a dialer's caller sees of the faults of dials. */
class DialFaultsTest {
    private final Nets nets = new Nets();
    private final Dialer dialer = nets.dialer();
    private SocketAddress address;

    @BeforeEach
    void listen() throws IOException {
        address = nets.serve(connection -> {});
    }

    @AfterEach
    void nothingIsLeft() {
        nets.close();
    }

    @Test
    void theRefusedDialsFailAndTheNextSucceeds() throws IOException {
        nets.network.refuseDials(2);
        for (int i = 0; i < 2; i++) {
            assertThatExceptionOfType(ConnectFailedException.class)
                    .isThrownBy(() -> dialer.dial(address))
                    .satisfies(e -> assertThat(e.errno()).isEqualTo("ECONNREFUSED"))
                    .satisfies(e -> assertThat(e.remoteAddress()).isEqualTo(address));
        }
        dialer.dial(address).close();
    }

    @ParameterizedTest
    @EnumSource(
            value = NetworkError.class,
            names = {"REFUSED", "RESET", "TIMED_OUT", "HOST_UNREACHABLE", "NETWORK_UNREACHABLE"})
    void aFailedDialNamesItsError(NetworkError error) throws IOException {
        nets.network.failDials(1, error);
        assertThatExceptionOfType(ConnectFailedException.class)
                .isThrownBy(() -> dialer.dial(address))
                .satisfies(e -> assertThat(e.errno()).isEqualTo(error.errno()));
        dialer.dial(address).close();
    }

    @Test
    void failuresStrikeInTheirOrder() throws IOException {
        nets.network.failDials(1, NetworkError.HOST_UNREACHABLE);
        nets.network.refuseDials(1);
        assertThatThrownBy(() -> dialer.dial(address)).hasMessageContaining("EHOSTUNREACH");
        assertThatThrownBy(() -> dialer.dial(address)).hasMessageContaining("ECONNREFUSED");
        dialer.dial(address).close();
    }

    @Test
    void anIgnoredDialTimesOut() throws IOException {
        nets.network.ignoreDials(1);
        Dialer hasty =
                Dialer.builder().group(nets.group).connectTimeout(Nets.SHORT).build();
        assertThatThrownBy(() -> hasty.dial(address)).isInstanceOf(ConnectTimeoutException.class);
        dialer.dial(address).close();
    }

    @Test
    void anIgnoredDialFailsWhenTheNetworkIsClosed() throws Exception {
        nets.network.ignoreDials(1);
        Dialer patient = Dialer.builder()
                .group(nets.group)
                .connectTimeout(Await.DEADLINE)
                .build();
        Thread closer = Thread.startVirtualThread(() -> {
            Await.until("the dial waits", () -> nets.group.connectionCount() == 1);
            nets.network.close();
        });
        assertThatExceptionOfType(ConnectFailedException.class)
                .isThrownBy(() -> patient.dial(address))
                .satisfies(e -> assertThat(e.errno()).isEqualTo("ENETDOWN"));
        closer.join();
    }

    @Test
    void clearedFaultsDoNotStrike() throws IOException {
        nets.network.refuseDials(1);
        nets.network.ignoreDials(1);
        nets.network.clearFaults();
        dialer.dial(address).close();
    }

    @Test
    void nobodyListensRefuses() {
        assertThatExceptionOfType(ConnectFailedException.class)
                .isThrownBy(() -> dialer.dial(nets.network.freshAddress()))
                .satisfies(e -> assertThat(e.errno()).isEqualTo("ECONNREFUSED"));
    }

    @ParameterizedTest
    @EnumSource(
            value = NetworkError.class,
            names = {"BROKEN_PIPE", "NO_BUFFERS"})
    void errorsThatNoDialHasAreRefused(NetworkError error) {
        assertThatThrownBy(() -> nets.network.failDials(1, error))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(error + " is no error of a dial");
    }

    @Test
    void countsMustBePositive() {
        assertThatThrownBy(() -> nets.network.refuseDials(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> nets.network.ignoreDials(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> nets.network.failSends(0, NetworkError.RESET))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> nets.network.failReceives(0, NetworkError.RESET))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aFixedLocalAddressIsKeptAndGoesToOneConnectionOfAPeer() throws IOException {
        SocketAddress local = nets.network.freshAddress();
        Dialer fixed = Dialer.builder().group(nets.group).localAddress(local).build();
        try (Connection first = fixed.dial(address)) {
            assertThat(first.localAddress()).isEqualTo(local);
            assertThatExceptionOfType(ConnectFailedException.class)
                    .isThrownBy(() -> fixed.dial(address))
                    .satisfies(e -> assertThat(e.errno()).isEqualTo("EADDRNOTAVAIL"));
        }
    }
}
