// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.soak;

import dev.netpoll.ConnectionOptions;
import dev.netpoll.Dialer;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.conformance.support.ObjectDump;
import dev.netpoll.conformance.support.ThreadDump;
import dev.netpoll.testkit.Await;
import dev.netpoll.testkit.internal.ProcessState;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Lets many peers do all they may to servers of one backend, and checks that no byte is lost, nothing is reordered and
 * nothing leaks.
 *
 * <p><b>Place.</b> Goes round after round: every worker plays scenarios, then hundreds of connections send at the same
 * instant, then everything must be as quiet as in the beginning. <b>Threads.</b> Peers are virtual threads; the calling
 * thread watches them. <b>Fails</b> at the first wrong byte, unexpected exception or wait without progress.
 */
public final class Soak {
    /** How long anything may take. */
    static final Duration PATIENCE = Duration.ofSeconds(30);

    private static final Duration PROMPTLY = Duration.ofSeconds(3);
    private static final int LOOPS = 2;
    private static final int ROUND_SECONDS = 10;

    /** How many failures after the first, most of them its consequences, are printed. */
    private static final int SHOWN = 5;

    private final SoakOptions options;
    private final Tally tally = new Tally();
    private final SplittableRandom seeds;
    private final EventLoopGroup group;
    private final Trouble trouble;
    private final Servers servers;
    private final Dialer dialer;
    private final Map<Long, Conversation> running = new ConcurrentHashMap<>();
    private final Set<Thread> threads = ConcurrentHashMap.newKeySet();
    private final AtomicReference<@Nullable AssertionError> failure = new AtomicReference<>();

    private final AtomicInteger laterFailures = new AtomicInteger();

    private Soak(SoakOptions options, EventLoopGroup group, Trouble trouble) throws IOException {
        this.options = options;
        this.group = group;
        this.trouble = trouble;
        trouble.onDeath((thread, error) -> failed("thread " + thread + " dies", error));
        seeds = new SplittableRandom(options.seed());
        dialer = Dialer.builder()
                .group(group)
                .options(ConnectionOptions.builder().readTimeout(PATIENCE).build())
                .build();
        servers = new Servers(this, group);
    }

    /** Runs a soak and ends with status 1 if it fails. */
    public static void main(String[] arguments) {
        try {
            System.out.println(run(SoakOptions.parse(arguments)));
        } catch (IOException | AssertionError | RuntimeException failed) {
            failed.printStackTrace(System.out);
            System.exit(1);
        }
    }

    /** {@return the summary of a soak that succeeded} */
    public static String run(SoakOptions options) throws IOException {
        System.out.println("soak of " + options);
        ProcessState.openWhatTheJdkKeeps();
        ProcessState before = ProcessState.now();
        long begin = System.nanoTime();
        Soak soak;
        try (EventLoopGroup group = EventLoopGroup.builder()
                        .backend(options.backend())
                        .loops(LOOPS)
                        .build();
                Trouble trouble = new Trouble(options)) {
            soak = new Soak(options, group, trouble);
            try (Servers servers = soak.servers) {
                soak.rounds(begin + Duration.ofSeconds(options.seconds()).toNanos());
                soak.tally.reliefs.add(servers.reliefs());
            } finally {
                soak.running.values().forEach(Conversation::cancel);
            }
        }
        soak.awaitBack("at the end", before, 0);
        soak.tally.faults.add(soak.trouble.strikes());
        return "%s, elapsed %.1f s".formatted(soak.tally, (System.nanoTime() - begin) / 1e9);
    }

    Trouble trouble() {
        return trouble;
    }

    Tally tally() {
        return tally;
    }

    EventLoopGroup group() {
        return group;
    }

    Stream connect(Scenario scenario) throws IOException {
        var address = servers.address(scenario.medium());
        try {
            return scenario.dialed() ? new Stream.OfConnection(dialer.dial(address)) : Stream.connect(address);
        } finally {
            tally.dials.increment();
        }
    }

    /** Runs something on a virtual thread that is waited for at the end of the round. */
    Thread start(Runnable task) {
        Thread thread = Thread.ofVirtual().unstarted(() -> {
            try {
                task.run();
            } catch (RuntimeException | Error failed) {
                if (!trouble.explains(failed)) {
                    failed("a thread", failed);
                }
            } finally {
                threads.remove(Thread.currentThread());
            }
        });
        threads.add(thread);
        thread.start();
        return thread;
    }

    /** A handler failed, or what serves a detached connection. Fine if the peer broke the connection on purpose. */
    void serverFailed(@Nullable Responder responder, Throwable error) {
        Conversation of = responder == null || !responder.isKnown() ? null : running.get(responder.key());
        boolean expected = of == null
                ? responder == null || !responder.isKnown()
                : !of.scenario().end().isOrderly();
        if ((!expected || !(error instanceof IOException)) && !trouble.explains(error)) {
            failed("the server for " + of, error);
        }
    }

    void failed(String what, Throwable cause) {
        AssertionError error = new AssertionError("seed " + options.seed() + ": " + what + ": " + cause, cause);
        if (failure.compareAndSet(null, error)) {
            System.out.println(error.getMessage() + "; all threads: " + ThreadDump.write() + "; what our objects hold: "
                    + ObjectDump.write(group));
        } else if (laterFailures.incrementAndGet() <= SHOWN) {
            System.out.println("then also " + what + ": " + cause);
        }
    }

    private void rounds(long deadline) {
        ProcessState quiet = null;
        int round = Math.clamp(options.seconds() / 3, 1, ROUND_SECONDS);
        do {
            long end = Math.min(
                    deadline, System.nanoTime() + Duration.ofSeconds(round).toNanos());
            trouble.begin();
            for (int i = 0; i < options.connections(); i++) {
                SplittableRandom random = seeds.split();
                start(() -> work(random, end));
            }
            awaitThreads();
            storm();
            awaitThreads();
            trouble.end();
            // What the JDK and the loops keep is there after the first round.
            ProcessState now = awaitQuiet();
            if (quiet != null) {
                awaitBack("after a round", quiet, LOOPS);
            } else {
                quiet = now;
            }
            tally.checks.increment();
        } while (System.nanoTime() < deadline);
    }

    private void work(SplittableRandom random, long end) {
        while (System.nanoTime() < end && failure.get() == null) {
            play(Scenario.of(random.nextLong(), Servers.COUNT), null);
        }
    }

    private void storm() {
        CountDownLatch signal = new CountDownLatch(1);
        List<Scenario> scenarios = new ArrayList<>();
        for (int i = 0; i < options.storm(); i++) {
            scenarios.add(Scenario.ofStorm(seeds.nextLong(), Servers.COUNT));
        }
        long before = tally.dials.sum();
        scenarios.forEach(scenario -> start(() -> play(scenario, signal)));
        await("all connect", () -> tally.dials.sum() == before + options.storm());
        signal.countDown();
    }

    private void play(Scenario scenario, @Nullable CountDownLatch signal) {
        Conversation conversation = new Conversation(this, scenario);
        running.put(scenario.key(), conversation);
        conversation.run(signal);
        if (scenario.end().isOrderly()) {
            // Errors of broken connections may still come.
            running.remove(scenario.key());
        }
    }

    private void awaitThreads() {
        await("all peers end", threads::isEmpty);
    }

    private ProcessState awaitQuiet() {
        await("no connection is left", () -> servers.connectionCount() == 0 && group.connectionCount() == 0);
        running.clear();
        return ProcessState.now();
    }

    /** Waits for a condition while the conversations move on. */
    private void await(String what, Callable<Boolean> condition) {
        long begin = System.nanoTime();
        Await.within(Duration.ofDays(1), () -> failure.get() != null || condition.call() || isStuck(what, begin));
        AssertionError error = failure.get();
        if (error != null) {
            throw error;
        }
    }

    private boolean isStuck(String what, long begin) {
        long now = System.nanoTime();
        long moved = begin;
        for (Conversation conversation : running.values()) {
            moved = Math.max(moved, conversation.progressNanos());
        }
        if (now - moved > PATIENCE.toNanos()) {
            failed(
                    "nothing moves until " + what + ", of which there are " + servers.connectionCount()
                            + " of servers and " + group.connectionCount() + " of the group: " + describeLive(),
                    new AssertionError(threads.toString()));
            return true;
        }
        return false;
    }

    private String describeLive() {
        return running.values().stream()
                .filter(Conversation::isLive)
                .map(conversation ->
                        System.lineSeparator() + conversation + trouble.around(conversation.progressNanos()))
                .collect(Collectors.joining());
    }

    private void awaitBack(String when, ProcessState before, int blocks) {
        boolean back = Await.within(PROMPTLY, () -> isBack(before, blocks));
        if (!back) {
            // Memory that a thread owned when another one closed the connection comes back when it is collected.
            System.gc();
            back = Await.within(PATIENCE, () -> isBack(before, blocks));
        }
        if (!back) {
            throw new AssertionError("seed " + options.seed() + ": " + when + " more is held than before: "
                    + ProcessState.now().beyond(before) + ProcessState.whereBlocksAre());
        }
    }

    private static boolean isBack(ProcessState before, int blocks) {
        ProcessState now = ProcessState.now();
        return now.descriptorCount() <= before.descriptorCount()
                && now.threads().size() <= before.threads().size()
                && now.blocks() <= before.blocks() + blocks;
    }
}
