// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.Dispatch;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Rounds;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Executors that do not keep to their contract: whatever they do with a task, it takes effect once at most, and the
 * connection ends.
 */
@Variants(transports = Transport.TCP4, modes = Mode.VIRTUAL)
@SuppressWarnings({"try", "FutureReturnValueIgnored", "ExposedPrivateType", "UnnecessaryAsync"})
class HostileExecutorTest extends OwnNetTest {
    private static final int CONNECTIONS = Rounds.of(40);
    private static final byte[] MESSAGE = {'0', '1', '2', '3', '4', '5', '6', '7'};

    private ScheduledExecutorService threads;

    @BeforeEach
    void open() {
        threads = new ScheduledThreadPoolExecutor(4);
    }

    @AfterEach
    void close() throws Exception {
        threads.close();
        own.net().takeErrors(); // some come late
    }

    private enum Kind {
        RUNS_THEN_THROWS {
            @Override
            void execute(Runnable task, ScheduledExecutorService threads) {
                task.run();
                throw new RejectedExecutionException("run already");
            }
        },
        STARTS_THEN_THROWS {
            @Override
            void execute(Runnable task, ScheduledExecutorService threads) {
                threads.execute(task);
                throw new RejectedExecutionException("started already");
            }
        },
        RUNS_TWICE_AT_ONCE {
            @Override
            void execute(Runnable task, ScheduledExecutorService threads) {
                threads.execute(task);
                threads.execute(task);
            }
        },
        RUNS_TWICE_IN_TURN {
            @Override
            void execute(Runnable task, ScheduledExecutorService threads) {
                threads.execute(() -> {
                    task.run();
                    task.run();
                });
            }
        },
        RUNS_AGAIN_LATER {
            @Override
            void execute(Runnable task, ScheduledExecutorService threads) {
                threads.execute(task);
                threads.schedule(task, 5, TimeUnit.MILLISECONDS);
            }
        },
        REJECTS_AND_RUNS_LATER {
            @Override
            void execute(Runnable task, ScheduledExecutorService threads) {
                threads.schedule(task, 2, TimeUnit.MILLISECONDS);
                throw new RejectedExecutionException("later");
            }
        },
        REJECTS_SOME {
            @Override
            void execute(Runnable task, ScheduledExecutorService threads) {
                if (COUNTER.incrementAndGet() % 3 == 0) {
                    throw new RejectedExecutionException("not this one");
                }
                threads.execute(task);
            }
        },
        DIES_BEFORE_IT_BEGINS { // as virtual threads without memory do
            @Override
            void execute(Runnable task, ScheduledExecutorService threads) {
                threads.execute(() -> ((Thread.UncaughtExceptionHandler) task)
                        .uncaughtException(Thread.currentThread(), new OutOfMemoryError("of the test")));
            }
        },
        RUNS_ON_THE_CALLER {
            @Override
            void execute(Runnable task, ScheduledExecutorService threads) {
                task.run();
            }
        },
        RUNS_ON_THE_CALLER_AND_ELSEWHERE {
            @Override
            void execute(Runnable task, ScheduledExecutorService threads) {
                threads.execute(task);
                task.run();
            }
        };

        private static final AtomicInteger COUNTER = new AtomicInteger();

        abstract void execute(Runnable task, ScheduledExecutorService threads);
    }

    /** What ran for one connection. */
    private static final class Tally {
        final AtomicInteger prepares = new AtomicInteger();
        final AtomicInteger connects = new AtomicInteger();
        final AtomicInteger disconnects = new AtomicInteger();
        final AtomicInteger closes = new AtomicInteger();
        final AtomicInteger running = new AtomicInteger();
        final AtomicBoolean overlapped = new AtomicBoolean();
    }

    private final Map<Connection, Tally> tallies = new ConcurrentHashMap<>();

    private Tally tally(Connection connection) {
        return tallies.computeIfAbsent(connection, c -> new Tally());
    }

    private ConnectionHandler alone(ConnectionHandler handler) {
        return connection -> {
            Tally tally = tally(connection);
            if (tally.running.getAndIncrement() != 0) {
                tally.overlapped.set(true);
            }
            try {
                handler.handle(connection);
            } finally {
                tally.running.decrementAndGet();
            }
        };
    }

    @ParameterizedTest
    @EnumSource
    void eachCallbackTakesEffectOnceAtMost(Kind kind) throws Exception {
        long blocks = LeakCheck.outstandingBlocks();
        Executor executor = task -> kind.execute(task, threads);
        Listening server = own.net()
                .listen(own.net()
                        .server()
                        .dispatch(Dispatch.executor(executor))
                        .onPrepare(connection -> {
                            tally(connection).prepares.incrementAndGet();
                            connection.addCloseCallback(c -> tally(c).closes.incrementAndGet());
                        })
                        .onConnect(
                                alone(connection -> tally(connection).connects.incrementAndGet()))
                        .onRequest(alone(Handlers.echo()))
                        .onDisconnect(
                                connection -> tally(connection).disconnects.incrementAndGet()));
        AtomicInteger least = new AtomicInteger();
        for (int i = 0; i < CONNECTIONS; i++) {
            talk(server);
            least.accumulateAndGet(
                    Math.min(server.server().connectionCount(), own.group().connectionCount()), Math::min);
        }
        Await.within(Await.DEADLINE, () -> server.server().connectionCount() == 0);
        assertThat(server.server().connectionCount()).as("connections").isZero();
        boolean ended = server.server().shutdown(Timing.LONG);
        own.net().takeErrors();
        checkTallies();
        assertThat(least.get()).as("the least count of connections").isZero();
        assertThat(server.server().connectionCount()).isZero();
        assertThat(ended).as("shut down in order").isTrue();
        long allowed = blocks + own.group().loops();
        own.net().awaitMemory("their memory is free", () -> LeakCheck.outstandingBlocks() <= allowed);
    }

    /** As one that was ended by {@code shutdownNow()}. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void oneThatRunsNothingKeepsNoSocket(boolean prepares) throws Exception {
        AtomicInteger dropped = new AtomicInteger();
        Server.Builder builder = own.net()
                .server()
                .dispatch(Dispatch.executor(task -> dropped.incrementAndGet()))
                .onRequest(Handlers.echo());
        Listening server = own.net().listen(prepares ? builder.onPrepare(connection -> {}) : builder);
        try (RawPeer peer = own.net().connectRaw(server.address())) {
            peer.send(MESSAGE);
            Await.until("the executor has got a task", () -> dropped.get() > 0);
            assertThat(server.server().shutdown(Timing.SHORT)).as("in order").isFalse();
            peer.awaitEnd();
        }
    }

    static Throwable[] refusals() {
        return new Throwable[] {
            new RejectedExecutionException("full"), new AssertionError("full"), new IOException("full")
        };
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneak(Throwable refusal) throws T {
        throw (T) refusal;
    }

    @ParameterizedTest
    @MethodSource("refusals")
    void anExecutorThatRefusesKeepsNoFailureFromTheErrorHandler(Throwable refusal) throws Exception {
        BlockingQueue<Throwable> errors = new LinkedBlockingQueue<>();
        Listening server = own.net()
                .listen(own.net()
                        .server()
                        .dispatch(Dispatch.executor(_ -> HostileExecutorTest.<RuntimeException>sneak(refusal)))
                        .onRequest(Handlers.echo())
                        .onError((connection, error) -> {
                            assertThat(Thread.currentThread().isVirtual()).isTrue();
                            errors.add(error);
                        }));
        try (RawPeer peer = own.net().connectRaw(server.address()).send("x")) {
            assertThat(errors.poll(10, TimeUnit.SECONDS)).hasMessage("full");
            peer.awaitEnd();
        }
    }

    /** What comes back is what was sent, each byte once, if the connection lives so long. */
    private void talk(Listening server) throws IOException {
        try (RawPeer peer = own.net().connectRaw(server.address())) {
            int received = 0;
            try {
                peer.send(MESSAGE);
                received = receive(peer, received);
                if (received == MESSAGE.length) {
                    peer.finish();
                    peer.awaitEnd();
                }
            } catch (AssertionError | IOException failure) {
                if (failure instanceof AssertionError && !(failure.getCause() instanceof IOException)) {
                    throw failure;
                }
            }
        }
    }

    private static int receive(RawPeer peer, int before) {
        int[] received = {before};
        ByteBuffer buffer = ByteBuffer.allocate(2 * MESSAGE.length);
        Await.until("the answer or the end comes", () -> {
            int n = peer.channel().read(buffer.clear());
            for (int i = 0; i < n; i++) {
                assertThat(received[0]).isLessThan(MESSAGE.length);
                assertThat(buffer.get(i)).isEqualTo(MESSAGE[received[0]++]);
            }
            return n < 0 || received[0] == MESSAGE.length;
        });
        return received[0];
    }

    private void checkTallies() {
        // There may be none: whoever rejects the first task closes the connection.
        tallies.forEach((connection, tally) -> {
            Await.until("the close callback ran", () -> tally.closes.get() > 0);
            assertThat(tally.prepares.get()).as("onPrepare").isLessThanOrEqualTo(1);
            assertThat(tally.connects.get()).as("onConnect").isLessThanOrEqualTo(1);
            assertThat(tally.disconnects.get()).as("onDisconnect").isLessThanOrEqualTo(1);
            assertThat(tally.closes.get()).as("close callback").isEqualTo(1);
            assertThat(tally.overlapped.get()).as("runs beside each other").isFalse();
        });
    }
}
