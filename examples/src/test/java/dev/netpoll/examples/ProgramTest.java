// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.netpoll.Backend;
import dev.netpoll.EventLoopGroup;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProgramTest {
    private static final int WORK_MILLIS = 300;
    private static final List<String> NO_NATIVE_ACCESS =
            List.of("--illegal-native-access=deny", "--enable-native-access=java.base");

    @TempDir
    private Path directory;

    @Test
    void demoAnswersEveryRequestAndEndsWithATable() throws Exception {
        try (Program demo = Program.start(directory, "demo", "--seconds", "1", "--connections", "5")) {
            String table = demo.rest();
            assertThat(demo.exitStatus()).as(demo::err).isZero();
            assertThat(table)
                    .containsPattern("requests +[1-9]")
                    .containsPattern("errors +0\n")
                    .containsPattern("requests/s +[1-9]")
                    .containsPattern("connections +5\\b")
                    .containsPattern("backend +(epoll|nio)\\b")
                    .containsPattern("dispatch +adaptive\n")
                    .contains("p50", "p99", "p99.9", "closed loop");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"virtual", "inline"})
    void serveSaysWhereItListensAndEndsWithASignal(String dispatch) throws Exception {
        String path = "unix:" + directory.resolve("s");
        try (Program serve = Program.start(
                directory,
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--listen",
                path,
                "--dispatch",
                dispatch,
                "--loops",
                "1")) {
            String rest = " backend=(epoll|nio) dispatch=" + dispatch + " loops=1";
            assertThat(serve.nextLine()).matches("listening on 127\\.0\\.0\\.1:[1-9][0-9]*" + rest);
            assertThat(serve.nextLine()).matches("listening on " + path + rest);
            serve.terminate();
            assertThat(serve.exitStatus()).as(serve::err).isZero();
            assertThat(serve.rest()).isEmpty();
            assertThat(serve.err()).isEmpty();
        }
    }

    @Test
    void serveAnswersTheRunningRequestBeforeItEnds() throws Exception {
        try (Program serve = Program.start(
                        directory, "serve", "--listen", "127.0.0.1:0", "--work-ms", Integer.toString(WORK_MILLIS));
                Socket client = connect(serve.nextLine())) {
            send(client, "first");
            assertThat(receive(client)).isEqualTo("first");
            send(client, "second");
            serve.terminate();
            assertThat(receive(client)).isEqualTo("second");
            assertThat(client.getInputStream().read()).isEqualTo(-1);
            assertThat(serve.exitStatus()).as(serve::err).isZero();
        }
    }

    @Test
    void aMistakeIsOneLineAndStatusTwo() throws Exception {
        try (Program serve = Program.start(directory, "serve", "--listen", "127.0.0.1:nowhere")) {
            assertThat(serve.exitStatus()).isEqualTo(2);
            assertThat(serve.err().lines()).singleElement().asString().contains("nowhere");
            assertThat(serve.rest()).isEmpty();
        }
    }

    @Test
    void anAddressThatCannotBeHadIsOneLineAndStatusTwo() throws Exception {
        // 192.0.2.0/24 is for documentation (RFC 5737): no machine has such an address.
        try (Program serve = Program.start(directory, "serve", "--listen", "192.0.2.1:7001")) {
            assertThat(serve.exitStatus()).isEqualTo(2);
            assertThat(serve.err().lines()).singleElement().asString().contains("192.0.2.1:7001");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"epoll", "io_uring"})
    void aBackendThatCannotBeHadIsOneLineAndStatusTwo(String backend) throws Exception {
        for (List<String> command : List.of(List.of("serve", "--listen", "127.0.0.1:0"), List.of("demo"))) {
            List<String> words = new ArrayList<>(command);
            words.addAll(List.of("--backend", backend));
            try (Program program = Program.start(directory, NO_NATIVE_ACCESS, words.toArray(String[]::new))) {
                assertThat(program.exitStatus()).isEqualTo(2);
                assertThat(program.err().lines())
                        .singleElement()
                        .asString()
                        .startsWith("netpoll " + command.getFirst() + ": the " + backend + " backend cannot be had: ");
                assertThat(program.rest()).isEmpty();
            }
        }
    }

    @Test
    void serveAnswersOnIoUring() throws Exception {
        String obstacle = obstacleTo(Backend.IO_URING);
        assumeTrue(obstacle == null, obstacle);
        try (Program serve = Program.start(directory, "serve", "--listen", "127.0.0.1:0", "--backend", "io_uring");
                Socket client = connect(serve.nextLine())) {
            send(client, "over a ring");
            assertThat(receive(client)).isEqualTo("over a ring");
            serve.terminate();
            assertThat(client.getInputStream().read()).isEqualTo(-1);
            assertThat(serve.exitStatus()).as(serve::err).isZero();
        }
    }

    private static @Nullable String obstacleTo(Backend backend) {
        try (EventLoopGroup _ = EventLoopGroup.builder().backend(backend).build()) {
            return null;
        } catch (UnsupportedOperationException e) {
            return String.valueOf(e.getMessage());
        }
    }

    private static Socket connect(String listening) throws IOException {
        String address = listening.split(" ", -1)[2];
        Socket socket = new Socket();
        socket.connect((InetSocketAddress) Addresses.parse(address));
        return socket;
    }

    private static void send(Socket socket, String message) throws IOException {
        DataOutputStream out = new DataOutputStream(socket.getOutputStream());
        byte[] bytes = message.getBytes(UTF_8);
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    private static String receive(Socket socket) throws IOException {
        DataInputStream in = new DataInputStream(socket.getInputStream());
        return new String(in.readNBytes(in.readInt()), UTF_8);
    }
}
