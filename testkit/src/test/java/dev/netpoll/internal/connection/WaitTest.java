// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.Dispatch;
import dev.netpoll.Protocol;
import dev.netpoll.internal.endpoint.Acceptor;
import dev.netpoll.internal.endpoint.DialAttempt;
import dev.netpoll.internal.endpoint.Lookups;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.testkit.NetworkFaults;
import dev.netpoll.testkit.internal.MemoryNetwork;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What happens between a look at the condition and the parking of a waiter. */
class WaitTest {
    private static final Duration PATIENCE = Duration.ofMillis(500);

    private final MemoryNetwork network = new MemoryNetwork(1, NetworkFaults.none());
    private final CompletableFuture<Connection> accepted = new CompletableFuture<>();
    private final CountDownLatch asleep = new CountDownLatch(1);
    private final CountDownLatch woken = new CountDownLatch(1);
    private volatile @Nullable Thread waiter;

    @Test
    void aWakeUpThatIsUsedUpWhileTheTimerIsArmedIsNotMissed() throws Exception {
        EventLoop serving = started(network.openPoller());
        EventLoop dialing = started(pollerOfTheWaiter());
        InetSocketAddress address = listen(serving);
        try (SocketConnection connection = new DialAttempt(
                        network, new Lookups(), dialing, config(null), null, Duration.ofMinutes(1), null)
                .dial(address)) {
            accepted.join();
            sleepInNextPoll(dialing, Thread.currentThread());
            asleep.await();
            assertThat(connection.reader().readByte()).isEqualTo((byte) 7);
        } finally {
            waiter = null;
            for (EventLoop loop : new EventLoop[] {dialing, serving}) {
                loop.stop();
                assertThat(loop.join(Duration.ofSeconds(30))).isTrue();
            }
        }
    }

    /** The loop learns of it when it has been woken for that: nothing wakes it again before the timer is armed. */
    private void sleepInNextPoll(EventLoop loop, Thread thread) {
        CountDownLatch rang = new CountDownLatch(1);
        loop.execute(() -> {
            try {
                rang.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            waiter = thread;
        });
        rang.countDown();
    }

    /** Sleeps until the waiter arms its timer; meanwhile the byte comes, and the wake-up with it is used up. */
    private Poller pollerOfTheWaiter() {
        Poller poller = network.openPoller();
        return (Poller) Proxy.newProxyInstance(
                Poller.class.getClassLoader(), new Class<?>[] {Poller.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("fetch")
                            && waiter != null
                            && !Long.valueOf(0).equals(arguments[0])) {
                        asleep.countDown();
                        woken.await();
                    }
                    Object result = method.invoke(poller, arguments);
                    if (method.getName().equals("wakeup")
                            && waiter == Thread.currentThread()
                            && asleep.getCount() == 0
                            && woken.getCount() > 0) {
                        woken.countDown();
                        accepted.join().writer().writeByte(7).flush();
                        LockSupport.parkNanos(this, PATIENCE.toNanos()); // unless a lock on the way has used it up
                    }
                    return result;
                });
    }

    private static EventLoop started(Poller poller) {
        EventLoop loop = new EventLoop(poller, "loop-under-test", true);
        loop.start();
        return loop;
    }

    private InetSocketAddress listen(EventLoop loop) throws Exception {
        ListenSocket socket = network.bind(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), new ListenOptions(0, false, false));
        Acceptor acceptor =
                new Acceptor(loop, socket, () -> loop, config(accepted::complete), new AtomicInteger(), 1000);
        loop.execute(() -> {
            try {
                acceptor.start();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        return (InetSocketAddress) socket.localAddress();
    }

    private static ConnectionConfig config(@Nullable ConnectionHandler connect) {
        Protocol.Builder protocol = Protocol.builder()
                .onError((connection, error) -> {})
                .dispatch(Dispatch.virtual())
                .readTimeout(Duration.ofHours(1));
        if (connect != null) {
            protocol.onConnect(connect);
        }
        return new ConnectionConfig(protocol.build(), connect != null, new ConnectionConfig.Shutdown(), () -> {});
    }
}
