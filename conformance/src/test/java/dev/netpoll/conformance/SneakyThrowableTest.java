// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.Dispatch;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.OwnNet;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A Throwable that is neither a RuntimeException nor an Error, as Kotlin and Lombok let callbacks throw: it costs its
 * connection and nothing else.
 */
@Variants(transports = Transport.TCP4)
@SuppressWarnings("ExposedPrivateType")
class SneakyThrowableTest extends ConformanceTest {
    private static final Duration PROMPTLY = Duration.ofSeconds(5);

    private enum Place {
        PREPARE,
        CONNECT,
        REQUEST,
        DISCONNECT,
        CLOSE,
        ERROR_OF_REQUEST,
        ERROR_OF_CONNECT,
        ERROR_OF_CLOSE
    }

    private static final class Sneaky extends Throwable {
        private static final long serialVersionUID = 1;

        Sneaky() {
            super("on purpose");
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneak() throws T {
        throw (T) new Sneaky();
    }

    /** Fails for connections that count as bad. */
    private static final ConnectionHandler FAILING = connection -> {
        if (isBad(connection)) {
            SneakyThrowableTest.<RuntimeException>sneak();
        }
    };

    private static final String BAD = "bad";

    private static boolean isBad(Connection connection) {
        return BAD.equals(connection.attachment());
    }

    @ParameterizedTest
    @EnumSource
    void costsItsConnectionOnly(Place place) throws Exception {
        check(place, variant.mode().dispatch());
    }

    @ParameterizedTest
    @EnumSource
    void costsItsConnectionOnlyOnAnExecutor(Place place) throws Exception {
        if (variant.mode() != Mode.VIRTUAL) {
            return; // it is the same for each
        }
        try (ExecutorService executor = Executors.newFixedThreadPool(2)) {
            check(place, Dispatch.executor(executor));
        }
    }

    private void check(Place place, Dispatch dispatch) throws Exception {
        AtomicInteger closes = new AtomicInteger();
        AtomicInteger accepted = new AtomicInteger();
        OwnNet own = new OwnNet(variant, 1, false);
        Background<Void> closing;
        try {
            Listening server = own.net()
                    .listen(server(place, closes, accepted).group(own.group()).dispatch(dispatch));
            RawPeer good = own.net().connectRaw(server.address());
            exchange(good);
            for (int i = 1; i <= 3; i++) {
                try (RawPeer bad = own.net().connectRaw(server.address())) {
                    provoke(bad, place);
                    int expected = i;
                    Await.until(
                            "the bad one has ended",
                            () -> closes.get() >= expected && server.server().connectionCount() == 1);
                    if (place != Place.CLOSE && place != Place.ERROR_OF_CLOSE && place != Place.DISCONNECT) {
                        Await.until("its peer sees it", bad::sawEnd);
                    }
                }
                exchange(good);
            }
            exchange(own.net().connectRaw(server.address()));
            assertThat(closes).as("close callbacks").hasValue(3);
        } finally {
            closing = Background.runOnPlatformThread(own::close);
            Await.within(PROMPTLY, closing::isDone);
        }
        assertThat(closing.isDone()).as("the group closes promptly").isTrue();
        closing.result();
    }

    private Server.Builder server(Place place, AtomicInteger closes, AtomicInteger accepted) {
        Server.Builder server = Server.builder()
                .onPrepare(connection -> {
                    // The first is the good one; of the others the last one.
                    int number = accepted.incrementAndGet();
                    if (number > 1 && number < 5) {
                        connection.attach(BAD);
                        connection.addCloseCallback(c -> closes.incrementAndGet());
                    }
                    if (place == Place.CLOSE || place == Place.ERROR_OF_CLOSE) {
                        connection.addCloseCallback(FAILING);
                    }
                    if (place == Place.PREPARE) {
                        FAILING.handle(connection);
                    }
                })
                .onError((connection, error) -> {
                    if (place.name().startsWith("ERROR")) {
                        SneakyThrowableTest.<RuntimeException>sneak();
                    }
                });
        if (place == Place.CONNECT || place == Place.ERROR_OF_CONNECT) {
            server.onConnect(FAILING);
        }
        if (place == Place.DISCONNECT) {
            server.onDisconnect(FAILING);
        }
        boolean request = place == Place.REQUEST || place == Place.ERROR_OF_REQUEST;
        return server.onRequest(connection -> {
            if (request) {
                FAILING.handle(connection);
            }
            Handlers.echo().handle(connection);
        });
    }

    private static void provoke(RawPeer bad, Place place) throws Exception {
        switch (place) {
            case REQUEST, ERROR_OF_REQUEST -> bad.send("!");
            case CLOSE, ERROR_OF_CLOSE, DISCONNECT -> {
                exchange(bad);
                bad.finish();
            }
            default -> {
                // It fails by itself.
            }
        }
    }

    private static void exchange(RawPeer peer) {
        peer.send("ping");
        assertThat(peer.receiveText(4)).isEqualTo("ping");
    }
}
