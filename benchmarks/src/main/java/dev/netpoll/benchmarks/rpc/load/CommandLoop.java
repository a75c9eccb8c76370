// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Obeys commands: one JSON object in a line, answered by one in a line. {@code {"stats":true}} is answered at once,
 * also during a run; runs are done one after the other. Ends with its input, after the last run.
 */
final class CommandLoop {
    private static final Set<String> STATS = Set.of("{\"stats\":true}", "stats");

    /** Runs one plan. */
    interface Runner {
        /** Runs a plan to its end; prints lines meanwhile, and returns the answer. */
        String run(LoadPlan plan, Consumer<String> lines) throws IOException, InterruptedException;
    }

    private final PrintStream out;
    private final Runner runner;

    CommandLoop(PrintStream out, Runner runner) {
        this.out = out;
        this.runner = runner;
    }

    void obey(InputStream in) throws IOException, InterruptedException {
        BufferedReader commands = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
        Thread running = null;
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            if (line.isBlank()) {
                continue;
            }
            if (STATS.contains(line.replaceAll("\\s", ""))) {
                print(ProcessStats.toJson());
            } else {
                String command = line;
                Thread before = running;
                running = Thread.ofPlatform().name("run").start(() -> run(command, before));
            }
        }
        if (running != null) {
            running.join();
        }
    }

    private void run(String command, @Nullable Thread before) {
        try {
            if (before != null) {
                before.join();
            }
            print(runner.run(LoadPlan.parse(command), this::print));
        } catch (IOException | RuntimeException e) {
            print(Outcome.failure(e));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void print(String line) {
        // One call, so that the lines of two threads do not mix.
        out.print(line + "\n");
        out.flush();
    }
}
