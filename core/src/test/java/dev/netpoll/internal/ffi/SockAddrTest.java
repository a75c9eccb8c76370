// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SockAddrTest {
    @Test
    void anIpv4AddressIsLaidOutAsInTheHeader() throws UnknownHostException {
        byte[] encoded =
                SockAddr.encode(new InetSocketAddress(InetAddress.getByAddress(new byte[] {1, 2, 3, 4}), 0x1f90));
        assertThat(HexFormat.of().formatHex(encoded)).isEqualTo("02001f9001020304" + "0000000000000000");
    }

    @Test
    void anIpv6AddressKeepsItsScope() throws UnknownHostException {
        byte[] bytes = new byte[16];
        bytes[0] = (byte) 0xfe;
        bytes[1] = (byte) 0x80;
        bytes[15] = 9;
        InetSocketAddress address = new InetSocketAddress(Inet6Address.getByAddress(null, bytes, 3), 443);
        byte[] encoded = SockAddr.encode(address);
        assertThat(HexFormat.of().formatHex(encoded))
                .isEqualTo("0a0001bb" + "00000000" + "fe800000000000000000000000000009" + "03000000");
        InetSocketAddress decoded = (InetSocketAddress) SockAddr.decode(encoded);
        assertThat(decoded).isEqualTo(address);
        assertThat(((Inet6Address) decoded.getAddress()).getScopeId()).isEqualTo(3);
    }

    @Test
    void aMappedAddressIsAnIpv4Address() {
        byte[] encoded =
                HexFormat.of().parseHex("0a0001bb" + "00000000" + "00000000000000000000ffff7f000001" + "00000000");
        InetSocketAddress decoded = (InetSocketAddress) SockAddr.decode(encoded);
        assertThat(decoded.getAddress()).isInstanceOf(Inet4Address.class);
        assertThat(decoded.getAddress().getHostAddress()).isEqualTo("127.0.0.1");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "/tmp/socket", "relative", "@abstract", "./@file", "/tmp/ünïcode"})
    void unixPathsComeBack(String path) {
        SocketAddress address = UnixDomainSocketAddress.of(path);
        assertThat(SockAddr.decode(SockAddr.encode(address))).isEqualTo(address);
    }

    @Test
    void anAbstractNameBeginsWithNulAndDoesNotEndWithOne() {
        assertThat(HexFormat.of().formatHex(SockAddr.encode(UnixDomainSocketAddress.of("@ab"))))
                .isEqualTo("0100" + "00" + "6162");
        assertThat(HexFormat.of().formatHex(SockAddr.encode(UnixDomainSocketAddress.of("ab"))))
                .isEqualTo("0100" + "6162" + "00");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0100" + "00" + "610062", "0100" + "00" + "6100", "0100" + "00" + "61ff"})
    void abstractNamesThatAreNoPathAreShownAndCannotBeDialedAsAnother(String hex) {
        byte[] encoded = HexFormat.of().parseHex(hex);
        SocketAddress shown = SockAddr.decode(encoded);
        assertThat(shown).isNotInstanceOf(UnixDomainSocketAddress.class).isEqualTo(SockAddr.decode(encoded));
        assertThat(shown.toString()).startsWith("@a").endsWith("(no path in Java)");
        assertThat(SockAddr.check(shown)).isEqualTo(97); // EAFNOSUPPORT
    }

    @Test
    void anAbstractNameMayHave107Bytes() {
        UnixDomainSocketAddress longest = UnixDomainSocketAddress.of("@" + "x".repeat(107));
        assertThat(SockAddr.check(longest)).isZero();
        assertThat(SockAddr.encode(longest)).hasSize(2 + 108);
        assertThat(SockAddr.decode(SockAddr.encode(longest))).isEqualTo(longest);
        assertThat(SockAddr.check(UnixDomainSocketAddress.of("@" + "x".repeat(108))))
                .isEqualTo(36);
    }

    /** In a JVM whose file names are ASCII, where the peer's has a name that is not. */
    @Test
    void aPathThatThisJvmCannotNameIsShownAndThrowsNothing() throws Exception {
        ProcessBuilder builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                SockAddrTest.class.getName());
        builder.environment().put("LC_ALL", "C");
        Process child = builder.redirectErrorStream(true).start();
        assertThat(new String(child.getInputStream().readAllBytes(), StandardCharsets.US_ASCII))
                .isEqualTo("/tmp/?n (no path in Java)\n@?n (no path in Java)\n/tmp/un\n");
    }

    /** The child. */
    public static void main(String[] arguments) {
        for (String hex :
                List.of("0100" + "2f746d702f" + "c3bc6e00", "0100" + "00c3bc6e", "0100" + "2f746d702f756e00")) {
            System.out.println(SockAddr.decode(HexFormat.of().parseHex(hex)));
        }
    }

    @Test
    void longPathsAndUnresolvedNamesAreRefused() {
        assertThat(SockAddr.check(UnixDomainSocketAddress.of("x".repeat(107)))).isZero();
        assertThat(SockAddr.check(UnixDomainSocketAddress.of("x".repeat(108)))).isEqualTo(36);
        SocketAddress unresolved = InetSocketAddress.createUnresolved("example.invalid", 1);
        assertThat(SockAddr.check(unresolved)).isEqualTo(22);
        assertThatThrownBy(() -> SockAddr.encode(unresolved)).isInstanceOf(IllegalArgumentException.class);
    }
}
