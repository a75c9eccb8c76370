// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import dev.netpoll.benchmarks.rpc.report.Results.Load;
import dev.netpoll.benchmarks.rpc.report.ResultsFile;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The load generator or a client under test: makes requests for a while and tells what came of them.
 *
 * <p><b>Place:</b> one for each such process. <b>Threads:</b> one. <b>Fails:</b> with {@link BenchFailure} if the
 * process
 * ends or is silent; wrong answers are in the result, and are for the caller to judge.
 */
final class Driver {
    private static final Duration SLACK = Duration.ofSeconds(60);

    /** What the process is asked to do, as it is sent. */
    record Command(
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
            long blockMicros,
            double burnShare,
            long burnMicros,
            int timeoutMillis,
            long seed) {}

    /** Called when the measured part begins and when it ends. */
    interface Moments {
        /** Nobody looks. */
        Moments NONE = new Moments() {
            @Override
            public void begin() {}

            @Override
            public void end() {}
        };

        void begin() throws IOException, InterruptedException;

        void end() throws IOException, InterruptedException;
    }

    private final Child child;
    private final Progress progress;

    /** Lines that came while the answer to something else was waited for. */
    private final Deque<String> early = new ArrayDeque<>();

    Driver(Child child, Progress progress) {
        this.child = child;
        this.progress = progress;
    }

    Load run(Command command, Moments moments) throws IOException, InterruptedException {
        child.ask(ResultsFile.line(command));
        Duration patience = SLACK.plusMillis((long) (1000 * (command.warmupSeconds + command.seconds)))
                .plusMillis(command.timeoutMillis);
        while (true) {
            String line = next(patience);
            if (line.startsWith("#")) {
                progress.detail(line.substring(1).strip());
            } else if (line.equals("BEGIN")) {
                moments.begin();
            } else if (line.equals("END")) {
                moments.end();
            } else if (line.startsWith("{")) {
                return parse(child, line, Load.class);
            } else {
                throw new BenchFailure(child.name() + " said what was not expected: " + line);
            }
        }
    }

    private String next(Duration patience) throws IOException, InterruptedException {
        @Nullable String line = early.poll();
        return line != null ? line : child.answer(patience);
    }

    /** Asks the process itself what it has used since it began; also at the moments of a run. */
    Stats stats() throws IOException, InterruptedException {
        child.ask("{\"stats\":true}");
        while (true) {
            String line = child.answer(SLACK);
            if (line.startsWith("{") && !line.contains("\"requests\"")) {
                return parse(child, line, Stats.class);
            }
            early.add(line);
        }
    }

    /** Asks a server on the JVM what it has used since it began. */
    static Stats serverStats(Child child) throws IOException, InterruptedException {
        child.ask("stats");
        String line = child.answer(SLACK);
        return parse(child, line, Stats.class);
    }

    private static <T> T parse(Child child, String line, Class<T> type) throws IOException {
        try {
            return ResultsFile.parse(line, type);
        } catch (IOException e) {
            BenchFailure failure = new BenchFailure(child.name() + " answered what can't be read: " + line);
            failure.initCause(e);
            throw failure;
        }
    }

    /** The answer to {@code stats}: sums since the process began. */
    record Stats(
            double gcPauseMillis,
            double gcCount,
            double allocatedBytes,
            @Nullable Map<String, Double> counters) {
        /** What was used since the earlier answer. */
        Stats minus(Stats earlier) {
            Map<String, Double> before = earlier.counters == null ? Map.of() : earlier.counters;
            Map<String, Double> grown = new TreeMap<>();
            if (counters != null) {
                counters.forEach((name, count) -> grown.put(name, count - before.getOrDefault(name, 0.0)));
            }
            return new Stats(
                    gcPauseMillis - earlier.gcPauseMillis,
                    gcCount - earlier.gcCount,
                    allocatedBytes - earlier.allocatedBytes,
                    grown);
        }
    }
}
