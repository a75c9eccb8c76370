// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Set;

/**
 * One run, as a command describes it.
 *
 * @param connections of the load generator; callers, each with a connection of the pool, of a client
 * @param idle connections besides that carry nothing during the run
 * @param payload bytes of a request, without its header
 * @param pipeline requests on their way on one connection at a time
 * @param rate requests per second in all; 0 for a closed loop
 * @param warmupSeconds at least this long, and until {@code warmupRequests} were answered, but see {@link Window}
 * @param timeoutMillis limits each request, and each connect
 * @param threads of the load generator
 */
record LoadPlan(
        String host,
        int port,
        int connections,
        int idle,
        int payload,
        int pipeline,
        double rate,
        double warmupSeconds,
        long warmupRequests,
        double seconds,
        double blockShare,
        int blockMicros,
        double burnShare,
        int burnMicros,
        int timeoutMillis,
        long seed,
        int threads) {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private static final Set<String> FIELDS = Set.of(
            "host",
            "port",
            "connections",
            "idle",
            "payload",
            "pipeline",
            "rate",
            "warmupSeconds",
            "warmupRequests",
            "seconds",
            "blockShare",
            "blockMicros",
            "burnShare",
            "burnMicros",
            "timeoutMillis",
            "seed",
            "threads");

    LoadPlan {
        check(port > 0 && port <= 0xffff, "port must be 1 to 65535");
        check(connections > 0, "connections must be positive");
        check(idle >= 0, "idle must not be negative");
        check(payload >= 0 && payload <= Wire.PAYLOAD_MAX, "payload must be 0 to " + Wire.PAYLOAD_MAX);
        check(pipeline > 0 && pipeline <= 1 << 16, "pipeline must be 1 to 65536");
        check(rate >= 0 && rate <= 1e8, "rate must be 0 to 100,000,000");
        check(warmupSeconds >= 0 && warmupRequests >= 0, "the warm-up must not be negative");
        check(seconds > 0 && seconds <= 86_400, "seconds must be above 0 and at most a day");
        check(blockShare >= 0 && burnShare >= 0 && blockShare + burnShare <= 1, "shares must be 0 to 1 together");
        check(blockMicros >= 0 && burnMicros >= 0, "times of work must not be negative");
        check(timeoutMillis > 0, "timeoutMillis must be positive");
        check(threads > 0 && threads <= connections, "threads must be 1 to the number of connections");
        check(
                payload >= Wire.MARKED_PAYLOAD_MIN || blockShare + burnShare == 0,
                "work marks need a payload of " + Wire.MARKED_PAYLOAD_MIN + " bytes or more");
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }

    /**
     * {@return the plan that a JSON object describes}
     *
     * @throws IllegalArgumentException if a value is out of range, or a name unknown
     */
    static LoadPlan parse(String json) throws IOException {
        JsonNode node = MAPPER.readTree(json);
        node.fieldNames().forEachRemaining(name -> check(FIELDS.contains(name), "unknown field: " + name));
        check(node.path("port").isInt(), "port is missing");
        return new LoadPlan(
                node.path("host").asText("127.0.0.1"),
                node.path("port").asInt(),
                node.path("connections").asInt(100),
                node.path("idle").asInt(0),
                node.path("payload").asInt(1024),
                node.path("pipeline").asInt(1),
                node.path("rate").asDouble(0),
                node.path("warmupSeconds").asDouble(3),
                node.path("warmupRequests").asLong(20_000),
                node.path("seconds").asDouble(5),
                node.path("blockShare").asDouble(0),
                node.path("blockMicros").asInt(0),
                node.path("burnShare").asDouble(0),
                node.path("burnMicros").asInt(0),
                node.path("timeoutMillis").asInt(5000),
                node.path("seed").asLong(1),
                node.path("threads").asInt(1));
    }

    InetSocketAddress address() throws IOException {
        return new InetSocketAddress(InetAddress.getByName(host), port);
    }

    long timeoutNanos() {
        return timeoutMillis * 1_000_000L;
    }
}
