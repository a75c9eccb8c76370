// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.internal.poll.Mechanism;
import dev.netpoll.internal.poll.Mechanisms;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.PollerWatch;
import dev.netpoll.testkit.NetworkFaults;
import dev.netpoll.testkit.internal.MemoryNetwork;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever is thrown while a group or a listener starts, its caller is told, and nothing that was opened stays. */
@Timeout(20)
class FailingStartTest {
    private static final int LOOPS = 3;
    private static final Backend FAILING = Backend.of("failing");

    /** Not an IOException, not unchecked: languages without checked exceptions throw what they like. */
    private final MemoryNetwork network = new MemoryNetwork(1, NetworkFaults.none());

    private final AtomicInteger open = new AtomicInteger();
    private final AtomicInteger opens = new AtomicInteger();
    private final AtomicReference<@Nullable Throwable> failureOfListen = new AtomicReference<>();
    private volatile int failingOpen;
    private final SocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 7);

    private EventLoopGroup group() {
        Mechanism mechanism = proxy(Mechanism.class, network);
        Mechanisms.install(FAILING, () -> mechanism);
        return EventLoopGroup.builder().backend(FAILING).loops(LOOPS).build();
    }

    private <T> T proxy(Class<T> type, T target) {
        return type.cast(Proxy.newProxyInstance(
                type.getClassLoader(),
                new Class<?>[] {type},
                (_, method, arguments) -> call(target, method, arguments)));
    }

    private @Nullable Object call(Object target, Method method, Object @Nullable [] arguments) throws Throwable {
        Throwable failure = failureOfListen.get();
        switch (method.getName()) {
            case "listen" -> {
                if (failure != null) {
                    throw failure;
                }
            }
            case "openPoller", "openWatch" -> {
                if (opens.incrementAndGet() == failingOpen) {
                    throw new OutOfMemoryError("injected");
                }
                open.incrementAndGet();
            }
            case "close" -> open.decrementAndGet();
            default -> {}
        }
        try {
            return switch (method.invoke(target, arguments)) {
                case Poller poller -> proxy(Poller.class, poller);
                case PollerWatch watch -> proxy(PollerWatch.class, watch);
                case null -> null;
                case Object other -> other;
            };
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    static Throwable[] failures() {
        return new Throwable[] {
            new OutOfMemoryError("injected"), new AssertionError("injected"), new IllegalStateException("injected")
        };
    }

    @ParameterizedTest
    @MethodSource("failures")
    void whateverIsThrownOnTheAcceptingLoopEndsListen(Throwable failure) throws Exception {
        try (EventLoopGroup group = group();
                Server server = Server.builder().group(group).build()) {
            failureOfListen.set(failure);
            for (int i = 0; i < 3; i++) { // the address would be taken if a socket were left
                assertThatThrownBy(() -> server.listen(address))
                        .isInstanceOf(IOException.class)
                        .hasCause(failure);
                assertThat(server.addresses()).isEmpty();
            }
            failureOfListen.set(null);
            assertThat(server.listen(address)).isEqualTo(address);
            assertThat(server.shutdown(Duration.ZERO)).isTrue();
        }
        assertThat(open).hasValue(0);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, LOOPS + 1})
    void anErrorAmongTheOpenedLoopsClosesTheOthers(int failing) throws Exception {
        failingOpen = failing;
        try (EventLoopGroup group = group();
                Server server = Server.builder().group(group).build()) {
            assertThatThrownBy(() -> server.listen(address)).isInstanceOf(OutOfMemoryError.class);
            assertThat(open).hasValue(0);
            server.listen(address); // the next time nothing fails
            assertThat(open).hasValue(LOOPS + 2);
        }
        assertThat(open).hasValue(0);
    }

    @Test
    void anErrorThatKeepsTheAcceptingLoopFromOpeningLeavesTheGroupUsable() throws Exception {
        failingOpen = LOOPS + 2;
        try (EventLoopGroup group = group();
                Server server = Server.builder().group(group).build()) {
            assertThatThrownBy(() -> server.listen(address)).isInstanceOf(OutOfMemoryError.class);
            server.listen(address);
        }
        assertThat(open).hasValue(0);
    }
}
