// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.Dispatch;
import dev.netpoll.Server;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProtocolException;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class EchoHandlersTest {
    private static final int[] LENGTHS = {0, 1, 3, 4096, 65_536, 0, 1 << 20, 1};

    private final BlockingQueue<Throwable> errors = new LinkedBlockingQueue<>();
    private final Server[] servers = new Server[1];

    @AfterEach
    void endServer() {
        servers[0].shutdown(Duration.ofSeconds(5));
    }

    @ParameterizedTest
    @EnumSource
    void answersPipelinedFramesInOrderHoweverTheyArrive(Kind kind) throws Exception {
        long seed = Long.getLong("seed", System.nanoTime());
        Random random = new Random(seed);
        byte[] frames = frames(random, 50);
        try (Socket client = connect(kind)) {
            Thread sender = Thread.startVirtualThread(() -> sendInPieces(client, frames, random));
            byte[] answers = client.getInputStream().readNBytes(frames.length);
            sender.join();
            assertThat(Arrays.equals(answers, frames)).as("-Dseed=%d", seed).isTrue();
        }
    }

    @ParameterizedTest
    @EnumSource
    void answersWhatCameBeforeTheClientStoppedSending(Kind kind) throws Exception {
        byte[] frames = frames(new Random(1), 10);
        try (Socket client = connect(kind)) {
            Thread sender = Thread.startVirtualThread(() -> {
                sendInPieces(client, frames, new Random(2));
                finish(client);
            });
            assertThat(client.getInputStream().readAllBytes()).isEqualTo(frames);
            sender.join();
        }
    }

    @ParameterizedTest
    @EnumSource
    void answersAFrameAlthoughTheNextOneIsNotComplete(Kind kind) throws Exception {
        try (Socket client = connect(kind)) {
            DataOutputStream out = new DataOutputStream(client.getOutputStream());
            out.write(new byte[] {0, 0, 0, 1, 'a', 0, 0, 0, 2, 'b'});
            assertThat(client.getInputStream().readNBytes(5)).isEqualTo(new byte[] {0, 0, 0, 1, 'a'});
            out.write('c');
            assertThat(client.getInputStream().readNBytes(6)).isEqualTo(new byte[] {0, 0, 0, 2, 'b', 'c'});
        }
    }

    @ParameterizedTest
    @EnumSource
    void aFrameThatIsTooLongCostsItsConnectionOnly(Kind kind) throws Exception {
        try (Socket good = connect(kind);
                Socket bad = new Socket()) {
            bad.connect(good.getRemoteSocketAddress());
            new DataOutputStream(bad.getOutputStream()).writeInt(Frames.PAYLOAD_BYTES_MAX + 1);
            assertThat(readToEnd(bad)).isEmpty();
            assertThat(errors.poll(10, TimeUnit.SECONDS)).isInstanceOf(ProtocolException.class);

            DataOutputStream out = new DataOutputStream(good.getOutputStream());
            out.writeInt(5);
            out.write("still".getBytes(UTF_8));
            DataInputStream in = new DataInputStream(good.getInputStream());
            assertThat(in.readNBytes(in.readInt())).asString(UTF_8).isEqualTo("still");
        }
    }

    private Socket connect(Kind kind) throws IOException {
        Server server = Server.builder()
                .onRequest(kind.handler())
                .dispatch(kind.dispatch())
                .onError((Connection connection, Throwable error) -> errors.add(error))
                .build();
        servers[0] = server;
        SocketAddress address = server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        Socket socket = new Socket();
        socket.connect(address);
        socket.setSoTimeout(20_000);
        return socket;
    }

    private static byte[] frames(Random random, int count) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        for (int i = 0; i < count; i++) {
            byte[] payload = new byte[LENGTHS[random.nextInt(LENGTHS.length)]];
            random.nextBytes(payload);
            out.writeInt(payload.length);
            out.write(payload);
        }
        return bytes.toByteArray();
    }

    private static void sendInPieces(Socket socket, byte[] bytes, Random random) {
        try {
            socket.setTcpNoDelay(true);
            OutputStream out = socket.getOutputStream();
            int length;
            for (int sent = 0; sent < bytes.length; sent += length) {
                length = Math.min(bytes.length - sent, 1 + random.nextInt(1 << random.nextInt(18)));
                out.write(bytes, sent, length);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void finish(Socket socket) {
        try {
            socket.shutdownOutput();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** The end may be a reset as well. */
    private static byte[] readToEnd(Socket socket) throws IOException {
        try {
            return socket.getInputStream().readAllBytes();
        } catch (SocketException e) {
            return new byte[0];
        }
    }

    enum Kind {
        VIRTUAL,
        VIRTUAL_WITH_WORK,
        INLINE;

        private ConnectionHandler handler() {
            return switch (this) {
                case VIRTUAL -> new BlockingEcho();
                case VIRTUAL_WITH_WORK -> new BlockingEcho(request -> {});
                case INLINE -> new InlineEcho();
            };
        }

        private Dispatch dispatch() {
            return this == INLINE ? Dispatch.inline() : Dispatch.virtual();
        }
    }
}
