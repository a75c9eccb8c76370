// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Every peer's server, in a process of its own. A peer that cannot be had here is aborted, with the reason. */
@ParameterizedClass(name = "{0}")
@MethodSource("names")
class ServerPeersTest {
    private static final int DEPTH = 16;

    @TempDir
    static Path directory;

    private static @Nullable ServerProcess server;

    private final Peer peer;

    ServerPeersTest(String name) {
        peer = named(name);
    }

    static Stream<String> names() {
        return ServerPeers.all().stream().map(Peer::name);
    }

    @BeforeParameterizedClassInvocation
    static void startServer(String name) throws Exception {
        server = ServerProcess.start(named(name), directory);
    }

    @AfterParameterizedClassInvocation
    static void theServerEndsWithItsStandardInput() throws Exception {
        try (ServerProcess ending = server) {
            if (ending != null) {
                server = null;
                assertThat(ending.endInput()).isZero();
            }
        }
    }

    @Test
    void payloadsOfAllSizesComeBack() throws IOException {
        try (FrameClient client = new FrameClient(port())) {
            for (int bytes : new int[] {0, 1, 4, 5, 1 << 10, 16 << 10, (16 << 10) + 1, 1 << 20, 3}) {
                byte[] payload = plain(bytes);
                assertThat(client.call(payload)).as("%d bytes", bytes).isEqualTo(payload);
            }
        }
    }

    @Test
    void pipelinedRequestsAreAnsweredInOrder() throws Exception {
        answersInOrder(IntStream.range(0, DEPTH).mapToObj(it -> plain(1 << 10)).toList());
    }

    @Test
    void pipelinedRequestsOfAllSizesAreAnsweredInOrder() throws Exception {
        List<byte[]> payloads = new ArrayList<>();
        for (int i = 0; i < DEPTH; i++) {
            payloads.addAll(List.of(plain(i), plain(i << 12), plain(1 << 20), plain(0)));
        }
        answersInOrder(payloads);
    }

    private static void answersInOrder(List<byte[]> payloads) throws Exception {
        try (FrameClient client = new FrameClient(port())) {
            FutureTask<Void> sending = new FutureTask<>(() -> {
                client.send(FrameClient.frames(payloads));
                return null;
            });
            Thread.startVirtualThread(sending);
            for (byte[] payload : payloads) {
                assertThat(client.receive()).isEqualTo(payload);
            }
            sending.get();
        }
    }

    @Test
    void framesMayBeCutAnywhere() throws IOException {
        List<byte[]> payloads = List.of(plain(0), plain(2), plain(300), plain(70_000), plain(9));
        byte[] bytes = FrameClient.frames(payloads);
        int[] cuts = {1, 3, 4, 5, 9, 10, 13, 100, 313, 315, 318, 319, 40_000, 70_313, 70_320, 70_325, bytes.length};
        try (FrameClient client = new FrameClient(port());
                FrameClient other = new FrameClient(port())) {
            int sent = 0;
            for (int cut : cuts) {
                client.send(bytes, sent, cut);
                sent = cut;
                other.call(plain(1)); // meanwhile the server has most likely seen the piece
            }
            for (byte[] payload : payloads) {
                assertThat(client.receive()).isEqualTo(payload);
            }
        }
    }

    @Test
    void aMarkDelaysItsAnswer() throws IOException {
        try (FrameClient client = new FrameClient(port())) {
            assertThat(nanosOf(client, marked('B', Duration.ofMillis(30))))
                    .isGreaterThanOrEqualTo(Duration.ofMillis(30).toNanos());
            assertThat(nanosOf(client, marked('C', Duration.ofMillis(30))))
                    .isGreaterThanOrEqualTo(Duration.ofMillis(15).toNanos()); // the clock may have become faster
        }
    }

    @Test
    void aMarkOfALongPayloadDelaysItsAnswer() throws IOException {
        byte[] payload = new byte[1 << 20];
        System.arraycopy(marked('B', Duration.ofMillis(30)), 0, payload, 0, Work.MARK_BYTES);
        try (FrameClient client = new FrameClient(port())) {
            assertThat(nanosOf(client, payload))
                    .isGreaterThanOrEqualTo(Duration.ofMillis(30).toNanos());
        }
    }

    @Test
    void aPayloadThatIsTooShortForAMarkIsPlain() throws IOException {
        byte[] payload = {'B', 127, 127, 127};
        try (FrameClient client = new FrameClient(port())) {
            assertThat(client.call(payload)).isEqualTo(payload);
        }
    }

    @Test
    void aHandlerOnAThreadOfItsOwnHoldsUpNobodyElse() throws IOException {
        assumeTrue(peer.kind() == Peer.Kind.BLOCKING, "its handlers hold up others");
        try (FrameClient blocked = new FrameClient(port());
                FrameClient other = new FrameClient(port())) {
            blocked.send(FrameClient.frames(List.of(marked('B', Duration.ofMinutes(5)))));
            assertThat(other.call(plain(10))).hasSize(10);
        }
    }

    @Test
    void aFrameThatIsTooLongEndsItsConnectionOnly() throws IOException {
        try (FrameClient client = new FrameClient(port());
                FrameClient other = new FrameClient(port())) {
            client.send(new byte[] {127, 0, 0, 0, 1});
            assertThat(client.isEnded()).isTrue();
            assertThat(other.call(plain(10))).hasSize(10);
        }
    }

    @Test
    void statisticsAreALineOfJson() throws IOException {
        JsonNode stats =
                new ObjectMapper().readTree(Objects.requireNonNull(server).ask("stats"));
        assertThat(stats.path("gcPauseMillis").isIntegralNumber()).isTrue();
        assertThat(stats.path("gcCount").isIntegralNumber()).isTrue();
        assertThat(stats.path("allocatedBytes").isIntegralNumber()).isTrue();
        assertThat(stats.path("notes").isTextual()).isTrue();
        assertThat(stats.path("counters").isObject()).isTrue();
    }

    private static int port() {
        return Objects.requireNonNull(server).port();
    }

    private static Peer named(String name) {
        return ServerPeers.all().stream()
                .filter(it -> it.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static byte[] plain(int bytes) {
        byte[] payload = new byte[bytes];
        new Random(bytes).nextBytes(payload);
        if (bytes > 0) {
            payload[0] = 'x';
        }
        return payload;
    }

    private static byte[] marked(char mark, Duration work) {
        return ByteBuffer.allocate(Work.MARK_BYTES + 3)
                .put((byte) mark)
                .putInt((int) (work.toNanos() / 1000))
                .array();
    }

    private static long nanosOf(FrameClient client, byte[] payload) throws IOException {
        long before = System.nanoTime();
        assertThat(client.call(payload)).isEqualTo(payload);
        return System.nanoTime() - before;
    }
}
