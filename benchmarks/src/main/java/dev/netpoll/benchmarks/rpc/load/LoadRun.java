// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import dev.netpoll.internal.ffi.SockAddr;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Runs a plan with load loops, each on its thread. */
final class LoadRun implements Window.Workers {
    private static final long EXTRA_MILLIS = 5000;

    private final List<LoadLoop> loops = new ArrayList<>();
    private final List<Recorder> recorders = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();

    private LoadRun() {}

    /** Runs to the end; prints what happens meanwhile, and returns the answer. */
    static String run(LoadPlan plan, Consumer<String> lines) throws IOException, InterruptedException {
        return new LoadRun().conduct(plan, lines).toJson();
    }

    private Outcome conduct(LoadPlan plan, Consumer<String> lines) throws IOException, InterruptedException {
        byte[] address = SockAddr.encode(plan.address());
        Window window = new Window();
        Marks marks = new Marks(plan);
        for (int i = 0; i < plan.threads(); i++) {
            Recorder recorder = new Recorder(window, marks);
            LoadLoop loop = new LoadLoop(share(plan, i), address, recorder, marks);
            recorders.add(recorder);
            loops.add(loop);
            threads.add(Thread.ofPlatform().name("load-" + i).daemon().start(loop));
        }
        Outcome outcome = new Outcome();
        outcome.measured = window.conduct(plan, this, lines);
        long limit = System.nanoTime() + plan.timeoutNanos() + EXTRA_MILLIS * 1_000_000;
        for (int i = 0; i < threads.size(); i++) {
            if (threads.get(i).join(java.time.Duration.ofNanos(Math.max(1, limit - System.nanoTime())))) {
                recorders.get(i).addTo(outcome);
            } else {
                outcome.errors++;
                outcome.failed("the load generator does not end");
            }
        }
        if (outcome.measured == null && outcome.errors == 0) {
            outcome.errors++;
            outcome.failed("the connections could not be opened in time");
        }
        return outcome;
    }

    private static LoadPlan share(LoadPlan plan, int index) {
        int threads = plan.threads();
        return new LoadPlan(
                plan.host(),
                plan.port(),
                part(plan.connections(), threads, index),
                part(plan.idle(), threads, index),
                plan.payload(),
                plan.pipeline(),
                plan.rate() / threads,
                plan.warmupSeconds(),
                plan.warmupRequests(),
                plan.seconds(),
                plan.blockShare(),
                plan.blockMicros(),
                plan.burnShare(),
                plan.burnMicros(),
                plan.timeoutMillis(),
                plan.seed() + index,
                1);
    }

    private static int part(int whole, int parts, int index) {
        return whole / parts + (index < whole % parts ? 1 : 0);
    }

    @Override
    public boolean isOpened() {
        return loops.stream().allMatch(LoadLoop::isOpened);
    }

    @Override
    public boolean isOver() {
        return recorders.stream().anyMatch(Recorder::isFatal)
                || threads.stream().noneMatch(Thread::isAlive);
    }

    @Override
    public long answered() {
        return recorders.stream().mapToLong(Recorder::answeredSoFar).sum();
    }
}
