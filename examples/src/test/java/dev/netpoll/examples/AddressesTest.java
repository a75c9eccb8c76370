// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AddressesTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "127.0.0.1:7001",
                "0.0.0.0:0",
                "[::1]:65535",
                "[::]:1",
                "[2001:db8::ff00:42:8329]:80",
                "[fe80::1:0:0:2]:80",
                "unix:/tmp/a:1.sock",
                "unix:relative.sock",
                "unix:@abstract"
            })
    void writesAnAddressAsItWasRead(String text) {
        assertThat(Addresses.format(Addresses.parse(text))).isEqualTo(text);
    }

    @ParameterizedTest
    @CsvSource({
        "[0:0:0:0:0:0:0:1]:7,[::1]:7",
        "[1:0:0:2:0:0:0:3]:7,[1:0:0:2::3]:7",
        "[1:0:3:4:5:6:7:8]:7,[1:0:3:4:5:6:7:8]:7"
    })
    void shortensTheLongestRunOfZerosOfAnIpv6Address(String text, String shortened) {
        assertThat(Addresses.format(Addresses.parse(text))).isEqualTo(shortened);
    }

    @ParameterizedTest
    @ValueSource(strings = {":7001", "*:7001"})
    void readsAnEmptyHostAndAnAsteriskAsEveryAddress(String text) {
        assertThat(Addresses.parse(text)).isEqualTo(new InetSocketAddress(7001));
    }

    @Test
    void resolvesANameToALoopbackAddress() {
        assertThat(Addresses.parse("localhost:7001"))
                .isInstanceOfSatisfying(
                        InetSocketAddress.class,
                        address -> assertThat(address.getAddress().isLoopbackAddress())
                                .isTrue());
    }

    @Test
    void readsTheWordUnixInAnyCase() {
        assertThat(Addresses.parse("UNIX:/tmp/x")).isEqualTo(UnixDomainSocketAddress.of("/tmp/x"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "", "127.0.0.1", "7001", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1", "127.0.0.1:65536", "::1:7001",
                "[::1]", "[::1]7001", "[]:1", "[127.0.0.1]:1", "[::zz]:1", "127.0.0.1:7001 ", "unix:", "unix:a\u0000b"
            })
    void refusesWhatIsNoAddress(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> Addresses.parse(text));
    }
}
