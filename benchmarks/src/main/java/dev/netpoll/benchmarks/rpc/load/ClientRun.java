// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.HdrHistogram.AbstractHistogram;
import org.HdrHistogram.AtomicHistogram;

/**
 * Runs a plan with a client under test: callers on virtual threads that share a pool, the same for all clients. The
 * pool is a lock-free stack, and has a connection for each caller.
 */
final class ClientRun implements Window.Workers {
    private static final int OPENERS = 32;
    private static final int ERRORS_MAX = 10_000;
    private static final long EXTRA_MILLIS = 5000;

    private final LoadPlan plan;
    private final Client client;
    private final Window window = new Window();
    private final Marks marks;
    private final ConcurrentLinkedDeque<Client.Call> pool = new ConcurrentLinkedDeque<>();
    private final ConcurrentLinkedQueue<Client.Call> all = new ConcurrentLinkedQueue<>();

    /** Connections whose first call is under way, and since when. */
    private final ConcurrentHashMap<Client.Call, Long> opening = new ConcurrentHashMap<>();

    private final List<Caller> callers = new ArrayList<>();
    private final CountDownLatch running;

    // A histogram for each processor: as many threads can record at a time.
    private final AbstractHistogram[] plain =
            new AbstractHistogram[Runtime.getRuntime().availableProcessors()];
    private final AbstractHistogram[] marked = new AbstractHistogram[plain.length];

    private final Outcome outcome = new Outcome();
    private volatile boolean opened;
    private volatile boolean fatal;

    private ClientRun(LoadPlan plan, Client client) {
        this.plan = plan;
        this.client = client;
        marks = new Marks(plan);
        running = new CountDownLatch(plan.connections());
        for (int i = 0; i < plain.length; i++) {
            plain[i] = new AtomicHistogram(1, Outcome.LATENCY_MAX_NANOS, Outcome.DIGITS);
            marked[i] = new AtomicHistogram(1, Outcome.LATENCY_MAX_NANOS, Outcome.DIGITS);
        }
    }

    /** Runs to the end; prints what happens meanwhile, and returns the answer. */
    static String run(ClientPeers.Peer peer, LoadPlan plan, Consumer<String> lines)
            throws IOException, InterruptedException {
        if (plan.pipeline() != 1 || plan.rate() != 0) {
            throw new IllegalArgumentException("clients have neither pipeline nor rate");
        }
        Duration timeout = Duration.ofMillis(plan.timeoutMillis());
        try (Client client = peer.factory().create(plan.address(), timeout)) {
            return new ClientRun(plan, client).conduct(lines).toJson();
        }
    }

    private Outcome conduct(Consumer<String> lines) throws InterruptedException {
        for (int i = 0; i < plan.connections(); i++) {
            callers.add(new Caller(this, window, plan, marks, i));
        }
        Thread opener = Thread.ofPlatform().name("opener").daemon().start(this::open);
        Thread watch = Thread.ofPlatform().name("time-outs").daemon().start(this::watch);
        Window.Measured measured = window.conduct(plan, this, lines);
        boolean ended = !opened || running.await(plan.timeoutMillis() + EXTRA_MILLIS, TimeUnit.MILLISECONDS);
        watch.interrupt();
        opener.interrupt();
        all.forEach(Client.Call::close);
        watch.join();
        synchronized (outcome) {
            outcome.measured = measured;
            if (!ended) {
                count("callers do not end");
            } else if (measured == null && outcome.errors == 0) {
                count("the connections could not be opened in time");
            }
            for (int i = 0; i < plain.length; i++) {
                outcome.plain.add(plain[i]);
                outcome.marked.add(marked[i]);
            }
            outcome.requests =
                    callers.stream().mapToLong(Caller::answeredInWindow).sum();
            return outcome;
        }
    }

    /** Opens all connections, a few at a time, each with one call to see that the server accepted it; then starts. */
    private void open() {
        AtomicInteger next = new AtomicInteger();
        List<Thread> openers = new ArrayList<>();
        int count = plan.connections() + plan.idle();
        for (int i = 0; i < Math.min(OPENERS, count); i++) {
            openers.add(Thread.startVirtualThread(() -> {
                byte[] answer = new byte[plan.payload()];
                for (int index = next.getAndIncrement(); index < count && !fatal; index = next.getAndIncrement()) {
                    openOne(index >= plan.connections(), answer);
                }
            }));
        }
        try {
            for (Thread thread : openers) {
                thread.join();
            }
        } catch (InterruptedException _) {
            return;
        }
        if (!fatal) {
            opened = true;
            for (Caller caller : callers) {
                Thread.startVirtualThread(() -> {
                    try {
                        caller.run();
                    } finally {
                        running.countDown();
                    }
                });
            }
        }
    }

    private void openOne(boolean idle, byte[] answer) {
        try {
            Client.Call call = client.connect();
            all.add(call);
            opening.put(call, System.nanoTime());
            int length = call.call(Wire.payload(plan), answer);
            opening.remove(call);
            if (length != plan.payload()) {
                wrong("not as long as what was sent");
            }
            if (!idle) {
                pool.addFirst(call);
            }
        } catch (IOException | RuntimeException e) {
            fatal("cannot open a connection: " + e);
        }
    }

    /** Ends calls that take too long where the client has no means of its own for that. */
    private void watch() {
        long graceNanos = Math.max(plan.timeoutNanos() / 10, 20_000_000);
        try {
            while (true) {
                TimeUnit.NANOSECONDS.sleep(Math.min(graceNanos, 100_000_000));
                long time = System.nanoTime() - plan.timeoutNanos() - graceNanos;
                callers.forEach(caller -> caller.interruptOlderThan(time));
                opening.forEach((call, since) -> {
                    if (since - time < 0) {
                        call.close();
                    }
                });
            }
        } catch (InterruptedException _) {
            // The run is over.
        }
    }

    AbstractHistogram plain(int caller) {
        return plain[caller % plain.length];
    }

    AbstractHistogram marked(int caller) {
        return marked[caller % marked.length];
    }

    Client.Call take() throws IOException {
        Client.Call call = pool.pollFirst();
        if (call == null) {
            call = client.connect();
            all.add(call);
        }
        return call;
    }

    void giveBack(Client.Call call) {
        pool.addFirst(call);
    }

    void failed(boolean timedOut, String message) {
        synchronized (outcome) {
            outcome.timeouts += timedOut ? 1 : 0;
            count(message);
        }
    }

    void wrong(String message) {
        synchronized (outcome) {
            outcome.wrong++;
            count("wrong answer: " + message);
        }
    }

    void fatal(String message) {
        fatal = true;
        failed(false, message);
    }

    private void count(String message) {
        outcome.errors++;
        outcome.failed(message);
        if (outcome.errors > ERRORS_MAX) {
            fatal = true;
        }
    }

    boolean isFatal() {
        return fatal;
    }

    @Override
    public boolean isOpened() {
        return opened;
    }

    @Override
    public boolean isOver() {
        return fatal || running.getCount() == 0;
    }

    @Override
    public long answered() {
        return callers.stream().mapToLong(Caller::answeredSoFar).sum();
    }
}
