// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.memory.LoopCache;
import dev.netpoll.internal.poll.ParkingWatch;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.nio.NioMechanism;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Whatever is thrown on a loop, it goes on with the next turn; and a driver that dies is replaced. */
class DriverTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private FailingPoller poller;
    private EventLoop loop;
    private Supervisor supervisor;

    @BeforeEach
    void start() throws Exception {
        poller = new FailingPoller(new NioMechanism().openPoller());
        supervisor = new Supervisor(new ParkingWatch(), "driver-test");
        loop = new EventLoop(poller, "loop-under-test", false, supervisor);
        supervisor.start(List.of(loop));
        loop.start();
    }

    @AfterEach
    void stop() throws InterruptedException {
        loop.stop();
        assertThat(loop.join(PATIENCE)).isTrue();
        supervisor.stop();
        supervisor.join(PATIENCE);
    }

    private void assertAlive() throws Exception {
        CompletableFuture<Boolean> ran = new CompletableFuture<>();
        loop.execute(() -> ran.complete(loop.inLoop()));
        assertThat(ran.get(20, TimeUnit.SECONDS)).isTrue();
    }

    private static RuntimeException checked() {
        return DriverTest.sneaky(new Exception("thrown on purpose by a test"));
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> RuntimeException sneaky(Throwable t) throws T {
        throw (T) t;
    }

    /** What becomes due on a loop, and fails. */
    private final class Failing implements Activation {
        final CountDownLatch failed = new CountDownLatch(1);
        private final boolean lends;

        Failing(boolean lends) {
            this.lends = lends;
        }

        @Override
        public boolean isInline() {
            return true;
        }

        @Override
        public void run(@Nullable Spares spares) {
            if (lends) {
                loop.lend(this);
            }
            throw checked();
        }

        @Override
        public void failed(Throwable cause) {
            failed.countDown();
        }

        @Override
        public void relieved(Relief cause) {}
    }

    @Test
    void aRunThatThrowsAnythingIsGivenUpAndTheLoopGoesOn() throws Exception {
        for (boolean lends : new boolean[] {false, true}) {
            Failing failing = new Failing(lends);
            loop.execute(() -> loop.addDue(failing));
            assertThat(failing.failed.await(20, TimeUnit.SECONDS)).isTrue();
            assertAlive();
        }
    }

    @Test
    void aTaskOrTimerThatThrowsAnythingKeepsNoOtherFromBeingRun() throws Exception {
        CountDownLatch ran = new CountDownLatch(2);
        loop.execute(() -> {
            for (int i = 0; i < 2; i++) {
                loop.arm(
                        new Timer() {
                            @Override
                            protected void expired(long now) {
                                ran.countDown();
                                throw checked();
                            }
                        },
                        loop.now() + i);
            }
            throw checked();
        });
        assertThat(ran.await(20, TimeUnit.SECONDS)).isTrue();
        assertAlive();
    }

    @Test
    void aPollerThatThrowsAnErrorNowAndThenIsAskedAgain() throws Exception {
        for (int i = 0; i < 20; i++) {
            poller.next = i % 2 == 0 ? new OutOfMemoryError("thrown on purpose by a test") : checkedOne();
            poller.wakeup();
            assertAlive();
        }
        assertThat(poller.thrown).hasValueGreaterThan(0);
    }

    private static Throwable checkedOne() {
        return new Exception("thrown on purpose by a test");
    }

    @Test
    void aPollerThatFailsEndsTheLoopWithAllThatLivesOnItEvenIfThatThrows() throws Exception {
        AtomicInteger evicted = new AtomicInteger();
        CountDownLatch in = new CountDownLatch(1);
        loop.execute(() -> {
            for (int i = 0; i < 10; i++) {
                boolean fails = i % 3 == 0;
                loop.add(new EventLoop.Resident() {
                    private boolean asked;

                    @Override
                    protected void evict() {
                        if (fails && !asked) {
                            asked = true;
                            throw checked();
                        }
                        evicted.incrementAndGet();
                        loop.remove(this);
                    }
                });
            }
            in.countDown();
        });
        assertThat(in.await(20, TimeUnit.SECONDS)).isTrue();
        poller.next = new IOException("thrown on purpose by a test");
        poller.wakeup();
        assertThat(loop.join(PATIENCE)).isTrue();
        assertThat(evicted).hasValue(10);
        assertThat(loop.residentCount()).isZero();
    }

    @Test
    void residentsThatCannotBeEvictedAtFirstAreEvictedLater() throws Exception {
        AtomicInteger tries = new AtomicInteger();
        CountDownLatch in = new CountDownLatch(1);
        loop.execute(() -> {
            loop.add(new EventLoop.Resident() {
                @Override
                protected void evict() {
                    if (tries.incrementAndGet() < 3) {
                        throw new OutOfMemoryError("thrown on purpose by a test");
                    }
                    loop.remove(this);
                }
            });
            in.countDown();
        });
        assertThat(in.await(20, TimeUnit.SECONDS)).isTrue();
        loop.stop();
        assertThat(loop.join(PATIENCE)).isTrue();
        assertThat(tries).hasValue(3);
    }

    /** Throws what it is told to, once, from the next fetch. */
    private static final class FailingPoller implements Poller {
        final AtomicInteger thrown = new AtomicInteger();

        @Nullable
        volatile Throwable next;

        private final Poller poller;

        FailingPoller(Poller poller) {
            this.poller = poller;
        }

        @Override
        public boolean fetch(long timeoutNanos) throws IOException {
            Throwable due = next;
            if (due != null) {
                next = null;
                thrown.incrementAndGet();
                throw sneaky(due);
            }
            return poller.fetch(timeoutNanos);
        }

        @Override
        public boolean deliver() {
            return poller.deliver();
        }

        @Override
        public boolean hasMore() {
            return poller.hasMore();
        }

        @Override
        public void quiesce() {
            poller.quiesce();
        }

        @Override
        public void wakeup() {
            poller.wakeup();
        }

        @Override
        public void register(Transport transport, TransportEvents events) throws TransportException {
            poller.register(transport, events);
        }

        @Override
        public void connect(Transport transport, SocketAddress remote, TransportEvents events) {
            poller.connect(transport, remote, events);
        }

        @Override
        public void listen(ListenSocket socket, AcceptEvents events) throws TransportException {
            poller.listen(socket, events);
        }

        @Override
        public LoopCache memory() {
            return poller.memory();
        }

        @Override
        public void close() {
            poller.close();
        }
    }
}
