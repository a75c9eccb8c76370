// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.report;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Everything that was measured and how, as it stands in {@code results.json}. Tables and page are made from this alone.
 *
 * @param format of the file, {@link #FORMAT}
 * @param started local time with its offset
 * @param seconds from the first process to the last answer
 * @param failure what ended the measurement early; null if nothing did
 */
public record Results(
        int format,
        String started,
        double seconds,
        String command,
        Machine machine,
        Settings settings,
        List<Peer> peers,
        List<LeftOut> leftOut,
        List<Run> runs,
        List<Memory> memory,
        List<String> notes,
        @Nullable String failure) {
    /** Changes when an older file can't be read any more. */
    public static final int FORMAT = 1;

    /** Where it ran. */
    public record Machine(
            String cpu,
            int cores,
            long memoryBytes,
            String kernel,
            String jdk,
            Map<String, String> versions,
            String pinning) {}

    /** What applies to all cases. Seconds are of one run and of one warm-up. */
    public record Settings(int rounds, int forks, double seconds, double warmupSeconds, boolean quick) {}

    /** What a peer is compared as. */
    public enum Role {
        /** The one the others are divided by: ours. */
        REFERENCE,
        /** The floor: what the kernel alone costs. */
        FLOOR,
        /** Any other. */
        PEER
    }

    /** Which end of the connections is compared. */
    public enum Test {
        /** One load generator, many servers. */
        SERVER,
        /** Many clients, one server. */
        CLIENT
    }

    /** One that was measured. */
    public record Peer(Test test, String name, String kind, String description, Role role) {
        /** Whether it is this library. */
        public boolean isOurs() {
            return name.equals("netpoll") || name.startsWith("netpoll-");
        }
    }

    /** One that was not, and why. */
    public record LeftOut(Test test, String name, String reason) {}

    /**
     * What is asked of each peer.
     *
     * @param scenario 1 or 2, as the command line calls them
     * @param rate requests per second in all, 0 for a closed loop
     * @param versus in an open loop the peer that the reference meets at this rate; empty for all
     */
    public record Case(
            Test test,
            int scenario,
            int connections,
            int idle,
            int payload,
            int pipeline,
            double rate,
            Work work,
            String versus) {
        /** The same without work for the handlers. */
        public Case unworked() {
            return new Case(test, scenario, connections, idle, payload, pipeline, rate, Work.NONE, versus);
        }

        /** The same in an open loop. */
        public Case at(double newRate, String opponent) {
            return new Case(test, scenario, connections, idle, payload, pipeline, newRate, work, opponent);
        }
    }

    /** What the handlers of a share of the requests do. Shares are 0 to 1. */
    public record Work(double blockShare, double blockMillis, double burnShare, double burnMillis) {
        /** Nothing but answering. */
        public static final Work NONE = new Work(0, 0, 0, 0);
    }

    /** One measurement of one peer. */
    public record Run(Case setting, String peer, int fork, int round, Load load, Usage usage) {
        double perRequest(double amount) {
            return load.requests > 0 ? amount / load.requests : Double.NaN;
        }
    }

    /** What the load generator, or the client under test, answered. Times of latencies are nanoseconds. */
    public record Load(
            long requests,
            double seconds,
            double throughput,
            long errors,
            long wrong,
            long timeouts,
            @Nullable String firstError,
            Latency latency,
            @Nullable Latency marked,
            @Nullable String histogram,
            double loadCpuSeconds,
            double measuredSeconds,
            long behind) {}

    /** Percentiles in nanoseconds. The count is only told of requests with work. */
    public record Latency(long count, double p50, double p90, double p99, double p999, double max, double mean) {}

    /**
     * What the measured process used in the measured part. Null or NaN: it can't be told.
     *
     * @param wallSeconds between the two samples
     * @param otherCpuShare of the other end, the load generator or the neutral server: 1 is one processor, always busy
     */
    public record Usage(
            double wallSeconds,
            double cpuSeconds,
            double voluntarySwitches,
            double involuntarySwitches,
            double rssBytes,
            double otherCpuShare,
            @Nullable Double allocatedBytes,
            @Nullable Double gcPauseMillis,
            @Nullable Double gcCount,
            @Nullable Map<String, Double> counters) {}

    /** The resident set of a fresh process that holds so many idle connections. */
    public record Memory(String peer, int fork, int idle, double rssBytes) {}

    /** The peer of that name in that test. */
    public Peer peer(Test test, String name) {
        return peers.stream()
                .filter(peer -> peer.test == test && peer.name.equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no peer " + name + " in the test of the " + test));
    }
}
