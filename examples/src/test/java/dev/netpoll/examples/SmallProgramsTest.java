// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Server;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SmallProgramsTest {
    private static final SocketAddress FREE = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    @Test
    void echoServerAnswersItsClient() throws IOException {
        try (Server server = EchoServer.start(FREE)) {
            assertThat(EchoClient.ask(addressOf(server), "grüß dich")).isEqualTo("grüß dich");
            assertThat(EchoClient.ask(addressOf(server), "")).isEmpty();
        }
    }

    @Test
    void framedEchoAnswersTheSameClient() throws IOException {
        try (Server server = FramedEcho.start(FREE)) {
            assertThat(EchoClient.ask(addressOf(server), "grüß dich")).isEqualTo("grüß dich");
            assertThat(EchoClient.ask(addressOf(server), "")).isEmpty();
        }
    }

    @Test
    void unixSocketAnswersItsClient(@TempDir Path directory) throws Exception {
        assertThat(UnixSocket.roundTrip(directory.resolve("s"), "hello")).isEqualTo("hello");
    }

    @Test
    void checkedModeReportsEachMisuse(@TempDir Path directory) throws Exception {
        List<String> checked = List.of("--enable-native-access=ALL-UNNAMED", "-Ddev.netpoll.checked=true");
        try (Program program = Program.start(directory, Misuse.class, checked)) {
            String at = "    at dev.netpoll.examples.Misuse.";
            assertThat(program.rest().lines())
                    .containsSubsequence(
                            "checked mode: on",
                            "--- a view is used after its release",
                            "java.lang.IllegalStateException: Already closed",
                            "--- a slice is used after its close",
                            "java.lang.IllegalStateException: the LinkBuffer is closed",
                            "--- a slice is closed twice",
                            "java.lang.IllegalStateException: the LinkBuffer is closed for the second time",
                            "--- a slice is never closed",
                            "leaks found: 1")
                    .filteredOn(line -> line.startsWith(at))
                    .extracting(line -> line.substring(at.length(), line.indexOf('(')))
                    .containsExactly(
                            "useAViewAfterItsRelease",
                            "useAViewAfterItsRelease",
                            "useASliceAfterItsClose",
                            "useASliceAfterItsClose",
                            "closeASliceTwice",
                            "closeASliceTwice");
            assertThat(program.exitStatus()).isZero();
            assertThat(program.err()).contains("leak: a LinkBuffer with 5 bytes", "Misuse.leakASlice(Misuse.java");
        }
    }

    @Test
    void streamServerSendsUnasked() throws IOException {
        try (Server server = StreamServer.start(FREE, Duration.ofMillis(1));
                Socket client = connect(server);
                BufferedReader lines = reader(client)) {
            Instant first = Instant.parse(lines.readLine());
            Instant second = Instant.parse(lines.readLine());
            assertThat(second).isAfter(first);
        }
    }

    @Test
    void lineServerCountsTheLinesOfEachConnection() throws IOException {
        try (Server server = LineServer.start(FREE);
                Socket one = connect(server);
                Socket two = connect(server)) {
            one.getOutputStream().write("a\nb\n".getBytes(UTF_8));
            two.getOutputStream().write("c\n".getBytes(UTF_8));
            BufferedReader lines = reader(one);
            assertThat(lines.readLine()).isEqualTo("1: a");
            assertThat(lines.readLine()).isEqualTo("2: b");
            assertThat(reader(two).readLine()).isEqualTo("1: c");
        }
    }

    @Test
    void proxyPassesOnRequestsAndAnswers() throws IOException {
        try (Server target = EchoServer.start(FREE);
                Server proxy = Proxy.start(FREE, addressOf(target))) {
            assertThat(EchoClient.ask(addressOf(proxy), "through")).isEqualTo("through");
        }
    }

    @Test
    void proxyKeepsTheWayBackOpenWhenTheClientHasSaidAll() throws Exception {
        byte[] bytes = new byte[4 << 20];
        for (int i = 0; i < bytes.length; i += 4096) {
            // The length of a message for the echo server, whose text is as good as any other that is ASCII.
            Arrays.fill(bytes, i, i + 4096, (byte) 'x');
            bytes[i] = bytes[i + 1] = 0;
            bytes[i + 2] = 0x0f;
            bytes[i + 3] = (byte) 0xfc;
        }
        try (Server target = EchoServer.start(FREE);
                Server proxy = Proxy.start(FREE, addressOf(target));
                Socket client = connect(proxy)) {
            Thread sender = Thread.startVirtualThread(() -> sendAll(client, bytes));
            assertThat(client.getInputStream().readAllBytes()).isEqualTo(bytes);
            sender.join();
        }
    }

    private static SocketAddress addressOf(Server server) {
        return server.addresses().getFirst();
    }

    private static Socket connect(Server server) throws IOException {
        Socket socket = new Socket();
        socket.connect(addressOf(server));
        socket.setSoTimeout(20_000);
        return socket;
    }

    private static BufferedReader reader(Socket socket) throws IOException {
        return new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8));
    }

    private static void sendAll(Socket socket, byte[] bytes) {
        try {
            socket.getOutputStream().write(bytes);
            socket.shutdownOutput();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
