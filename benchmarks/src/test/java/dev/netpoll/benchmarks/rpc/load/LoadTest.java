// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.netpoll.benchmarks.rpc.load.EchoStub.Manner;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs load generator and clients against a server that misbehaves: what goes wrong must be seen. */
class LoadTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String WARM_UP = "\"warmupSeconds\":0.05,\"warmupRequests\":20,";
    private static final String SHORT = WARM_UP + "\"seconds\":0.3";
    private static final String SHORTER = WARM_UP + "\"seconds\":0.1";

    private EchoStub stub;

    @BeforeEach
    void start() throws IOException {
        stub = new EchoStub();
    }

    @AfterEach
    void stop() {
        stub.close();
    }

    static Stream<String> everybody() {
        return Stream.concat(Stream.of("load"), clients());
    }

    static Stream<String> clients() {
        return ClientPeers.all().stream()
                .filter(peer -> peer.obstacle() == null)
                .map(ClientPeers.Peer::name);
    }

    @ParameterizedTest
    @MethodSource("everybody")
    void answersAreCountedAndTimed(String who) throws Exception {
        JsonNode answer = run(who, SHORTER + ",\"connections\":4,\"idle\":3");
        assertRight(answer);
        assertThat(answer.get("requests").asLong()).isPositive().isLessThanOrEqualTo(stub.requests());
        assertThat(answer.get("throughput").asDouble()).isPositive();
        assertThat(answer.get("measuredSeconds").asDouble()).isBetween(0.09, 0.11);
        assertThat(answer.get("loadCpuSeconds").asDouble()).isNotNegative();
        assertThat(answer.has("marked")).isFalse();
        assertThat(histogram(answer).getTotalCount())
                .isEqualTo(answer.at("/latency/count").asLong())
                .isBetween(
                        answer.get("requests").asLong() - 4,
                        answer.get("requests").asLong() + 4);
        assertThat(stub.connections()).isEqualTo(7);
    }

    @ParameterizedTest
    @MethodSource("everybody")
    void payloadsOfAllSizesComeBack(String who) throws Exception {
        for (int payload : new int[] {0, 1, 15, 16, 17, 70_000, 4 << 20}) {
            double seconds = payload < 1 << 20 ? 0.2 : 0.5; // a busy machine may stand still for a while
            JsonNode answer = run(
                    who,
                    "\"warmupSeconds\":0,\"warmupRequests\":3,\"seconds\":" + seconds
                            + ",\"connections\":2,\"payload\":" + payload);
            assertRight(answer);
        }
    }

    @ParameterizedTest
    @MethodSource("everybody")
    void aWrongAnswerIsSeen(String who) throws Exception {
        for (Manner manner : List.of(Manner.SHORTEN, Manner.WRONG_NUMBER, Manner.WRONG_LAST_BYTE, Manner.TWICE)) {
            stub.behave(Manner.ECHO);
            JsonNode answer = run(who, SHORTER + ",\"connections\":2,\"payload\":100", atBegin(manner));
            assertThat(answer.get("wrong").asLong()).as(who + " " + manner).isPositive();
            assertThat(answer.get("errors").asLong())
                    .isGreaterThanOrEqualTo(answer.get("wrong").asLong());
            assertThat(answer.get("firstError").asText()).contains("wrong answer");
        }
    }

    @ParameterizedTest
    @MethodSource("everybody")
    void silenceIsATimeOut(String who) throws Exception {
        JsonNode answer = run(who, SHORT + ",\"connections\":3,\"timeoutMillis\":100", atBegin(Manner.SILENT));
        assertThat(answer.get("timeouts").asLong()).as(answer.toString()).isBetween(3L, 30L);
        assertThat(answer.at("/latency/max").asLong()).isGreaterThanOrEqualTo(100_000_000);
    }

    @ParameterizedTest
    @MethodSource("everybody")
    void aServerThatNeverAnswersEndsTheRun(String who) throws Exception {
        stub.behave(Manner.SILENT);
        JsonNode answer = run(who, SHORT + ",\"timeoutMillis\":100,\"connections\":3");
        assertThat(answer.get("errors").asLong()).isPositive();
        assertThat(answer.get("requests").asLong()).isZero();
    }

    @ParameterizedTest
    @MethodSource("everybody")
    void aServerThatDiesEndsTheRun(String who) throws Exception {
        long start = System.nanoTime();
        JsonNode answer = run(who, "\"warmupSeconds\":0,\"seconds\":50,\"warmupRequests\":1", atBegin(Manner.DIE));
        assertThat(answer.get("errors").asLong()).isPositive();
        assertThat(answer.get("firstError").asText()).isNotEmpty();
        assertThat(System.nanoTime() - start).isLessThan(20_000_000_000L);
        answer = run(who, SHORT);
        assertThat(answer.get("firstError").asText()).contains("connect");
    }

    @ParameterizedTest
    @MethodSource("everybody")
    void markedRequestsAreMeasuredApart(String who) throws Exception {
        JsonNode answer =
                run(who, SHORT + ",\"connections\":8,\"blockShare\":0.1,\"blockMicros\":20000,\"burnShare\":0.1");
        assertRight(answer);
        long plain = answer.at("/latency/count").asLong();
        long marked = answer.at("/marked/count").asLong();
        assertThat((double) marked / (plain + marked)).isBetween(0.1, 0.35);
        assertThat(answer.at("/marked/p90").asLong()).isGreaterThanOrEqualTo(20_000_000);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 16})
    void pipelinedRequestsFollowEachOther(int depth) throws Exception {
        JsonNode answer = run("load", SHORT + ",\"connections\":2,\"payload\":32,\"pipeline\":" + depth);
        assertRight(answer);
        if (depth == 1) {
            assertThat(stub.pipelined()).isZero();
        } else {
            assertThat(stub.pipelined()).isPositive();
        }
    }

    @Test
    void pipelinedBigRequestsAreSentInPieces() throws Exception {
        assertRight(run("load", SHORT + ",\"connections\":2,\"payload\":1000000,\"pipeline\":3"));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void theOpenLoopKeepsItsRate(int pipeline) throws Exception {
        JsonNode answer = run("load", SHORT + ",\"connections\":10,\"rate\":2000,\"pipeline\":" + pipeline);
        assertRight(answer);
        assertThat(answer.get("requests").asLong()).isBetween(400L, 800L);
    }

    @Test
    void theOpenLoopCountsFromTheIntendedTime() throws Exception {
        String plan = "\"warmupSeconds\":0.1,\"warmupRequests\":0,\"seconds\":1,\"connections\":1,\"rate\":500";
        JsonNode answer = run("load", plan, line -> {
            if (line.equals("BEGIN")) {
                stub.stall(300);
            }
        });
        assertRight(answer);
        assertThat(answer.at("/latency/p999").asLong()).isGreaterThan(250_000_000);
        // One request was on its way; some 150 were meant to be sent during the stall, and two thirds of them waited.
        Histogram latencies = histogram(answer);
        assertThat(latencies.getCountBetweenValues(100_000_000, latencies.getMaxValue()))
                .isGreaterThan(50);
        assertThat(answer.get("behind").asLong()).isGreaterThan(50);
    }

    @Test
    void theOpenLoopEndsAlthoughTheServerCannotKeepUp() throws Exception {
        JsonNode answer = run(
                "load",
                SHORT + ",\"connections\":1,\"rate\":100000,\"timeoutMillis\":200"
                        + ",\"blockShare\":1,\"blockMicros\":5000");
        assertThat(answer.get("errors").asLong()).isPositive();
        assertThat(answer.get("behind").asLong()).isPositive();
    }

    @ParameterizedTest
    @EnumSource(
            value = Manner.class,
            names = {"SHORTEN", "WRONG_LAST_BYTE"})
    void aWrongFirstAnswerEndsTheRun(Manner manner) throws Exception {
        stub.behave(manner);
        JsonNode answer = run("load", SHORT);
        assertThat(answer.get("wrong").asLong()).isPositive();
        assertThat(answer.get("requests").asLong()).isZero();
    }

    @Test
    void severalThreadsShareTheConnections() throws Exception {
        assertRight(run("load", SHORT + ",\"connections\":5,\"idle\":2,\"threads\":2,\"rate\":1000"));
        assertThat(stub.connections()).isEqualTo(7);
    }

    @Test
    void commandsAreAnsweredInOrderWithBeginAndEndBetween() throws Exception {
        String commands = "{\"port\":%d,%s,\"connections\":1}\n{\"port\":1,\"rat\":1}\n\n{}\nnonsense\n"
                .formatted(stub.port(), SHORT);
        List<String> lines = obey(commands);
        assertThat(lines.subList(0, 2)).containsExactly("BEGIN", "END");
        assertThat(MAPPER.readTree(lines.get(2)).get("errors").asInt()).isZero();
        assertThat(lines.get(3)).contains("unknown field: rat");
        assertThat(lines.get(4)).contains("port is missing");
        assertThat(MAPPER.readTree(lines.get(5)).get("errors").asInt()).isEqualTo(1);
        assertThat(lines).hasSize(6);
    }

    @Test
    void statsAreAnswered() throws Exception {
        JsonNode stats = MAPPER.readTree(obey("{\"stats\": true}\n").getFirst());
        assertThat(stats.get("allocatedBytes").asLong()).isPositive();
        assertThat(stats.get("gcCount").asLong()).isNotNegative();
    }

    private static List<String> obey(String commands) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        new CommandLoop(new PrintStream(out, true, UTF_8), LoadRun::run)
                .obey(new ByteArrayInputStream(commands.getBytes(UTF_8)));
        return out.toString(UTF_8).lines().toList();
    }

    private Consumer<String> atBegin(Manner manner) {
        return line -> {
            if (line.equals("BEGIN")) {
                stub.behave(manner);
            }
        };
    }

    private JsonNode run(String who, String fields) throws Exception {
        return run(who, fields, line -> {});
    }

    private JsonNode run(String who, String fields, Consumer<String> lines) throws Exception {
        LoadPlan plan = LoadPlan.parse("{\"port\":" + stub.port() + "," + fields + "}");
        String answer = who.equals("load")
                ? LoadRun.run(plan, lines)
                : ClientRun.run(ClientPeers.find(who).orElseThrow(), plan, lines);
        return MAPPER.readTree(answer);
    }

    private static void assertRight(JsonNode answer) {
        assertThat(answer.get("firstError").asText()).isEmpty();
        assertThat(answer.get("errors").asLong()).isZero();
        assertThat(answer.get("requests").asLong()).isPositive();
    }

    private static Histogram histogram(JsonNode answer) throws Exception {
        byte[] bytes = Base64.getDecoder().decode(answer.get("histogram").asText());
        return Histogram.decodeFromCompressedByteBuffer(ByteBuffer.wrap(bytes), 0);
    }
}
