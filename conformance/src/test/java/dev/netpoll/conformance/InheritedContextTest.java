// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.internal.connection.Paces;
import dev.netpoll.testkit.Await;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Threads that run callbacks inherit nothing: one tenant's context never shows in another's request. */
@Variants(transports = Transport.TCP4)
class InheritedContextTest extends OwnNetTest {
    private static final InheritableThreadLocal<String> TENANT = new InheritableThreadLocal<>();
    private static final int PEERS = 40;

    private final Queue<String> leaks = new ConcurrentLinkedQueue<>();
    private final AtomicInteger looks = new AtomicInteger();
    private final ClassLoader loader =
            new URLClassLoader("tenant", new URL[0], getClass().getClassLoader());

    private void look(String place) {
        String tenant = TENANT.get();
        if (tenant != null) {
            leaks.add(place + " sees " + tenant + " on " + Thread.currentThread());
        }
        if (Thread.currentThread().getContextClassLoader() == loader) {
            leaks.add(place + " has the class loader on " + Thread.currentThread());
        }
        looks.incrementAndGet();
    }

    private ConnectionHandler looking(String place, ConnectionHandler then) {
        return connection -> {
            look(place);
            then.handle(connection);
        };
    }

    private void asTenant(Background.Action action) throws Exception {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        TENANT.set("tenant");
        thread.setContextClassLoader(loader);
        try {
            action.run();
        } finally {
            TENANT.remove();
            thread.setContextClassLoader(before);
        }
    }

    /** On a thread of its own, platform or virtual, that is the group's first user. */
    private void onTenantsThread(boolean virtual, Background.Action action) {
        Background.Action tenant = () -> asTenant(action);
        (virtual ? Background.run(tenant) : Background.runOnPlatformThread(tenant)).result();
    }

    private Listening server(String name) throws Exception {
        return own.net()
                .listen(own.net()
                        .server()
                        .onPrepare(looking(
                                name + " onPrepare",
                                connection -> connection.addCloseCallback(
                                        looking(name + " close callback", Handlers.ignore()))))
                        .onConnect(looking(name + " onConnect", Handlers.ignore()))
                        .onRequest(looking(name + " onRequest", Handlers.echo()))
                        .onDisconnect(looking(name + " onDisconnect", Handlers.ignore())));
    }

    private void talk(Listening server, int times) throws Exception {
        List<RawPeer> peers = new ArrayList<>();
        for (int i = 0; i < times; i++) {
            peers.add(own.net().connectRaw(server.address()).send("ping"));
        }
        for (RawPeer peer : peers) {
            assertThat(peer.receiveText(4)).isEqualTo("ping");
            peer.close();
        }
        server.awaitNoConnections();
    }

    private void checkNothingLeaked() {
        assertThat(looks).hasPositiveValue();
        assertThat(leaks.stream().limit(5)).isEmpty();
    }

    @Test
    void fromThePlatformThreadThatUsedTheGroupFirst() throws Exception {
        onTenantsThread(false, () -> talk(server("first"), PEERS));
        talk(server("second"), PEERS);
        checkNothingLeaked();
    }

    @Test
    void fromTheVirtualThreadThatUsedTheGroupFirst() throws Exception {
        onTenantsThread(true, () -> talk(server("first"), PEERS));
        checkNothingLeaked();
    }

    @Test
    void fromAThreadThatDials() throws Exception {
        Listening server = server("server");
        onTenantsThread(false, () -> {
            Connection connection = own.net()
                    .closing(own.net()
                            .dialer()
                            .onRequest(looking("dialed onRequest", Handlers.discard()))
                            .onDisconnect(looking("dialed onDisconnect", Handlers.ignore()))
                            .build()
                            .dial(server.address()));
            connection.addCloseCallback(looking("dialed close callback", Handlers.ignore()));
            int before = looks.get();
            connection.writer().writeUtf8("ping").flush();
            Await.until("both handlers ran", () -> looks.get() >= before + 2);
            connection.close();
            Await.until("all have ended", () -> own.group().connectionCount() == 0);
        });
        server.awaitNoConnections();
        checkNothingLeaked();
    }

    @Test
    void fromAThreadThatAdopts() throws Exception {
        Listening server = server("server");
        onTenantsThread(false, () -> {
            Connection dialed = own.net().dial(server.address());
            Connection adopted = own.net().closing(own.group().adopt(dialed.detach(), ConnectionOptions.defaults()));
            int before = looks.get();
            adopted.onRequest(looking("adopted onRequest", Handlers.discard()));
            adopted.writer().writeUtf8("ping").flush();
            Await.until("both handlers ran", () -> looks.get() >= before + 2);
            adopted.close();
            Await.until("all have ended", () -> own.group().connectionCount() == 0);
        });
        server.awaitNoConnections();
        checkNothingLeaked();
    }

    /** The handler waits, so that others go on in its place, while it has the context set. */
    @Test
    void fromAHandlerThatHandsTheLoopOver() throws Exception {
        if (variant.isInline()) {
            return; // it may not wait
        }
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch over = new CountDownLatch(1);
        Listening other = server("other");
        Listening holding = own.net().serve(connection -> {
            Handlers.discard().handle(connection);
            asTenant(() -> {
                inside.countDown();
                if (!over.await(2 * Await.DEADLINE.toSeconds(), TimeUnit.SECONDS)) {
                    throw new AssertionError("not released");
                }
            });
        });
        own.net().connectRaw(holding.address()).send("?");
        assertThat(inside.await(Await.DEADLINE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        try {
            talk(other, 2 * PEERS);
        } finally {
            over.countDown();
        }
        checkNothingLeaked();
    }

    /** On a loop, and in a call of the library, which hands the loop over on the handler's thread. */
    @Test
    void fromAHandlerThatHandsTheLoopOverByReading() throws Exception {
        if (variant.mode() != Mode.ADAPTIVE) {
            return;
        }
        AtomicInteger inside = new AtomicInteger();
        Listening other = server("other");
        Listening holding = own.net()
                .listen(own.net().server().onConnect(Paces::proveShort).onRequest(connection -> {
                    Handlers.discard().handle(connection);
                    asTenant(() -> {
                        inside.incrementAndGet();
                        connection.reader().readByte();
                    });
                }));
        for (int round = 1; round <= 5; round++) {
            RawPeer held = own.net().connectRaw(holding.address()).send("?");
            int expected = round;
            Await.until("the handler runs", () -> inside.get() >= expected);
            talk(other, PEERS);
            held.send("!");
        }
        checkNothingLeaked();
    }

    /** With the context set, the handler causes what other threads do for others. */
    @Test
    void fromAHandlerThatCallsTheLibrary() throws Exception {
        Listening other = server("other");
        Listening calling = own.net().serve(connection -> {
            Handlers.discard().handle(connection);
            asTenant(() -> {
                connection.addCloseCallback(looking("close callback", Handlers.ignore()));
                connection.onRequest(looking("next handler", Handlers.echo()));
                connection.writer().writeUtf8("done").flush();
                if (!variant.isInline()) {
                    try (Connection dialed = own.net().dialer().build().dial(other.address())) {
                        dialed.writer().writeUtf8("ping").flush();
                        assertThat(dialed.reader().readUtf8(4)).isEqualTo("ping");
                    }
                }
            });
        });
        for (int i = 0; i < PEERS; i++) {
            try (RawPeer peer = own.net().connectRaw(calling.address()).send("?")) {
                assertThat(peer.receiveText(4)).isEqualTo("done");
                peer.send("echo");
                assertThat(peer.receiveText(4)).isEqualTo("echo");
            }
        }
        talk(other, PEERS);
        Await.until("all have ended", () -> own.group().connectionCount() == 0);
        checkNothingLeaked();
    }
}
