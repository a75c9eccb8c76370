// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Transport;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

@ParameterizedClass
@MethodSource("dev.netpoll.internal.poll.Variant#all")
class CloseContractTest extends ContractTest {
    CloseContractTest(Variant variant) {
        super(variant);
    }

    @Test
    void closingTwiceAndUsingAClosedTransportIsHarmless() throws IOException {
        Pair pair = pair();
        close(pair.client(), pair.atClient(), false);
        pair.client().close(true);
        SendQueue queue = queue(new byte[1]);
        assertThat(pair.client().send(queue)).isEqualTo(-Errno.EBADF);
        queue.clear();
        pair.client().pauseReading();
        pair.client().resumeReading();
        pair.client().stopSending();
        assertThatThrownBy(() -> pair.client().shutdownOutput()).hasMessageContaining("EBADF");
        assertThatThrownBy(() -> pair.client().getOption(StandardSocketOptions.SO_SNDBUF))
                .hasMessageContaining("EBADF");
        await(() -> pair.atServer().peerFinished);
    }

    @Test
    void anEventFetchedBeforeACloseIsNotDeliveredToWhoGetsTheDescriptor() throws IOException {
        List<Pair> pairs = new ArrayList<>();
        List<Transport> servers = new ArrayList<>();
        AtomicInteger first = new AtomicInteger(-1);
        ListenSocket socket = listen();
        Recorder newcomer = new Recorder();
        for (int i = 0; i < 4; i++) {
            int index = i;
            Recorder closesTheOthers = new Recorder() {
                @Override
                public void received(Segment segments) {
                    super.received(segments);
                    if (first.compareAndSet(-1, index)) {
                        for (int j = 0; j < servers.size(); j++) {
                            if (j != index) {
                                close(servers.get(j), pairs.get(j).atServer(), false);
                            }
                        }
                        try {
                            // Takes a descriptor and a slot that were just given up, in the middle of the batch.
                            for (int j = 0; j < 3; j++) {
                                connect(socket.localAddress(), j == 0 ? newcomer : new Recorder());
                            }
                        } catch (IOException e) {
                            throw new AssertionError(e);
                        }
                    }
                }
            };
            Pair pair = pair(new Recorder(), closesTheOthers);
            pairs.add(pair);
            servers.add(pair.server());
        }
        for (Pair pair : pairs) {
            pair.client().send(queue(new byte[10]));
        }
        await(() -> first.get() >= 0 && newcomer.connected);
        settle();
        for (int i = 0; i < pairs.size(); i++) {
            Recorder recorder = pairs.get(i).atServer();
            assertThat(recorder.received()).isEqualTo(i == first.get() ? 10 : 0);
        }
        assertThat(newcomer.received()).isZero();
        assertThat(newcomer.errno).isZero();
    }

    @Test
    void aThreadThatSendsDuringACloseNeverReachesAnotherSocket() throws Exception {
        for (int round = 0; round < 60; round++) {
            Pair pair = pair();
            AtomicReference<Throwable> failure = new AtomicReference<>();
            AtomicInteger sends = new AtomicInteger();
            Thread sender = new Thread(() -> {
                SendQueue queue = new SendQueue();
                int result = 0;
                while (result >= 0) {
                    if (queue.isEmpty()) {
                        queue.add(segment(new byte[] {'X'}));
                    }
                    result = pair.client().send(queue);
                    sends.incrementAndGet();
                }
                if (!List.of(Errno.EBADF, Errno.EPIPE, Errno.ECONNRESET).contains(-result)) { // the last by an abort
                    failure.set(new AssertionError(Errno.describe(-result)));
                }
                queue.clear();
            });
            sender.start();
            await(() -> sends.get() > 10 || !sender.isAlive());
            close(pair.client(), pair.atClient(), random.nextBoolean());
            Pair next = pair();
            Pair afterNext = pair();
            sender.join();
            drain();
            assertThat(failure.get()).isNull();
            for (Recorder recorder :
                    List.of(next.atClient(), next.atServer(), afterNext.atClient(), afterNext.atServer())) {
                assertThat(recorder.received())
                        .as("bytes for the old connection")
                        .isZero();
            }
            open.forEach(t -> t.close(true));
            open.clear();
        }
    }

    @Test
    void aWakeUpEndsARunningPoll() throws Exception {
        for (int i = 0; i < 20; i++) {
            Thread waker = new Thread(() -> poller.wakeup());
            waker.start();
            assertThat(poller.poll(-1)).isZero();
            waker.join();
        }
    }

    @Test
    void aWakeUpBeforeAPollEndsTheNextOneAndManyCountAsOne() throws IOException {
        poller.wakeup();
        poller.wakeup();
        assertThat(poller.poll(-1)).isZero();
        long start = System.nanoTime();
        assertThat(poller.poll(3_000_000)).isZero();
        assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(2_900_000);
    }

    @Test
    void anInterruptedThreadStillWaits() throws IOException {
        Thread.currentThread().interrupt();
        poller.poll(1_000_000);
        long start = System.nanoTime();
        poller.poll(3_000_000);
        boolean interrupted = Thread.interrupted();
        assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(2_900_000);
        assertThat(interrupted).isEqualTo(variant.isNative());
    }

    @Test
    void manyConnectionsComeAndGo() throws IOException {
        ListenSocket socket = listen();
        for (int round = 0; round < 3; round++) {
            List<Transport> clients = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                Recorder recorder = new Recorder();
                clients.add(connect(socket.localAddress(), recorder));
                int wanted = i + 1;
                await(() -> recorder.connected && accepted.size() == wanted);
            }
            List<Recorder> atServers = new ArrayList<>();
            for (Transport server : accepted) {
                Recorder recorder = new Recorder();
                atServers.add(recorder);
                poller.register(server, recorder);
            }
            for (Transport client : clients) {
                client.send(queue(new byte[3]));
            }
            await(() -> atServers.stream().allMatch(r -> r.received() == 3));
            open.forEach(t -> t.close(false));
            open.clear();
            await(() -> atServers.stream().allMatch(r -> r.peerFinished));
            accepted.forEach(t -> t.close(false));
            accepted.clear();
        }
    }
}
