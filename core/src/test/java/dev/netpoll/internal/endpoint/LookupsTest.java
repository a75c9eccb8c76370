// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.endpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Protocol;
import dev.netpoll.internal.connection.ConnectionConfig;
import dev.netpoll.internal.poll.nio.NioMechanism;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A resolver that hangs keeps no dial from ending with its group. */
class LookupsTest {
    private final CountDownLatch asked = new CountDownLatch(1);
    private final CountDownLatch allBegun = new CountDownLatch(Lookups.LIMIT);
    private final CountDownLatch over = new CountDownLatch(1);
    private final AtomicInteger begun = new AtomicInteger();
    private final AtomicInteger onVirtualThreads = new AtomicInteger();
    private final Lookups lookups = new Lookups(host -> {
        begun.incrementAndGet();
        if (Thread.currentThread().isVirtual()) {
            onVirtualThreads.incrementAndGet();
        }
        asked.countDown();
        allBegun.countDown();
        try {
            over.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return new InetAddress[0];
    });

    /** The threads are the process's: a test that failed must not keep them. */
    @AfterEach
    void letThemGo() {
        over.countDown();
    }

    @Test
    void aDialThatWaitsForItEndsWithTheGroup() throws Exception {
        LoopGroup group = new LoopGroup(new NioMechanism(), 1, false, 0);
        DialAttempt dial = new DialAttempt(
                group.mechanism(),
                lookups,
                group.next(),
                new ConnectionConfig(Protocol.builder().build()),
                null,
                Duration.ofDays(1),
                null);
        CompletableFuture<Throwable> outcome = new CompletableFuture<>();
        Thread.startVirtualThread(() ->
                outcome.complete(catchThrowable(() -> dial.dial(InetSocketAddress.createUnresolved("slow.test", 1)))));
        asked.await();
        lookups.close();
        assertThat(outcome.join()).isInstanceOf(IllegalStateException.class).hasMessageContaining("closed");
        group.close();
    }

    @Test
    void noneBeginsAfterIt() {
        lookups.close();
        try (Lookups.Lookup late = lookups.begin("slow.test")) {
            assertThatThrownBy(late::join).hasCauseInstanceOf(IllegalStateException.class);
        }
        assertThat(begun).hasValue(0);
    }

    /** A virtual thread would keep its carrier as long as the resolver hangs. */
    @Test
    void lookUpsHaveABoundAndPlatformThreads() throws Exception {
        List<Lookups.Lookup> first = new ArrayList<>();
        for (int i = 0; i < Lookups.LIMIT; i++) {
            first.add(lookups.begin("slow" + i + ".test"));
        }
        allBegun.await();
        Lookups.Lookup patient = lookups.begin("patient.test");
        Lookups.Lookup impatient = lookups.begin("impatient.test");
        impatient.close();
        assertThat(begun).hasValue(Lookups.LIMIT);
        over.countDown();
        for (Lookups.Lookup each : first) {
            assertThat(each.join()).isEmpty();
            each.close();
        }
        assertThat(patient.join()).isEmpty();
        patient.close();
        try (Lookups.Lookup last = lookups.begin("last.test")) {
            assertThat(last.join()).isEmpty();
        }
        assertThat(impatient).isNotDone();
        assertThat(begun).hasValue(Lookups.LIMIT + 2);
        assertThat(onVirtualThreads).hasValue(0);
    }
}
