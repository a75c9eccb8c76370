// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Dispatch;
import dev.netpoll.Protocol;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.testkit.Await;
import dev.netpoll.testkit.NetworkFaults;
import dev.netpoll.testkit.internal.MemoryNetwork;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** D4 of {@link Detachment}: a detaching that fails leaves no socket open. */
class DetachingFailsTest {
    private final MemoryNetwork network = new MemoryNetwork(1, NetworkFaults.none());
    private final AtomicInteger closes = new AtomicInteger();
    private final AtomicInteger ends = new AtomicInteger();

    private Transport transport() {
        return (Transport) Proxy.newProxyInstance(
                Transport.class.getClassLoader(), new Class<?>[] {Transport.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("close")) {
                        closes.incrementAndGet();
                    }
                    Class<?> type = method.getReturnType();
                    return type == int.class ? 0 : type == boolean.class ? false : null;
                });
    }

    /** It was adopted and detached again before the loop came to it, and the loop does not get the detaching. */
    @Test
    void theSocketIsClosedThoughTheLoopHasNotStartedItsConnection() throws Exception {
        EventLoop loop = new EventLoop(network.openPoller(), "loop-under-test", true);
        Protocol protocol = Protocol.builder().dispatch(Dispatch.virtual()).build();
        ConnectionConfig config =
                new ConnectionConfig(protocol, false, new ConnectionConfig.Shutdown(), ends::incrementAndGet);
        SocketConnection connection = new SocketConnection(loop, transport(), config);
        connection.start();
        assertThat(connection.add(ConnectionState.CLOSING | ConnectionState.DETACHING))
                .isTrue();
        loop.start();
        turn(loop);
        assertThat(closes).as("it waits for the detaching").hasValue(0);
        connection.closeFor(EndReason.DETACHING_FAILED, true);
        Await.until("it has ended", () -> ends.get() == 1);
        assertThat(closes).hasPositiveValue();
        loop.stop();
        assertThat(loop.join(Duration.ofSeconds(30))).isTrue();
    }

    private static void turn(EventLoop loop) throws InterruptedException {
        for (int i = 0; i < 2; i++) {
            CountDownLatch ran = new CountDownLatch(1);
            loop.execute(ran::countDown);
            ran.await();
        }
    }
}
