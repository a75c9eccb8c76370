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
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.OwnNet;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.internal.connection.Paces;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every wait in a connection's calls ends when another thread ends the connection, without any time-out. */
@Variants(
        transports = Transport.TCP4,
        modes = {Mode.ADAPTIVE, Mode.VIRTUAL})
@SuppressWarnings({"EnumOrdinal", "ExposedPrivateType", "ImmutableEnumChecker"})
class WaitsEndTest extends ConformanceTest {
    private static final Duration PROMPTLY = Duration.ofSeconds(2);
    private static final int MUCH = 16 << 20;
    private static final ConnectionOptions PATIENT = ConnectionOptions.builder()
            .readTimeout(Connection.NO_TIMEOUT)
            .writeTimeout(Connection.NO_TIMEOUT)
            .build();

    private enum Wait {
        NEXT(connection -> connection.reader().next(8)),
        PEEK(connection -> connection.reader().peek(8)),
        SKIP(connection -> connection.reader().skip(8)),
        SLICE(connection -> connection.reader().slice(8).close()),
        READ_UNTIL(connection -> connection.reader().readUntil((byte) 9)),
        BYTES_BEFORE(connection -> connection.reader().bytesBefore((byte) 9)),
        READ_LONG(connection -> connection.reader().readLong()),
        READ_BYTES(connection -> connection.reader().readBytes(100_000)),
        READ_UTF8(connection -> connection.reader().readUtf8(8)),
        READ_STREAM(connection -> connection.reader().asInputStream().readAllBytes()),
        READ_CHANNEL(connection -> {
            ByteBuffer buffer = ByteBuffer.allocate(8);
            while (connection.asByteChannel().read(buffer) > 0) {
                buffer.clear();
            }
        }),
        FLUSH(connection -> connection.writer().writeBytes(new byte[MUCH]).flush()),
        FLUSH_USERS_MEMORY(connection -> {
            try (Arena arena = Arena.ofShared()) {
                connection.writer().writeDirect(arena.allocate(MUCH)).flush();
            }
        }),
        FLUSH_STREAM(connection -> {
            connection.writer().asOutputStream().write(new byte[MUCH]);
            connection.writer().asOutputStream().flush();
        }),
        SHUTDOWN_OUTPUT(connection -> {
            connection.writer().writeBytes(new byte[MUCH]);
            connection.shutdownOutput();
        }),
        WRITE_CHANNEL(connection -> connection.asByteChannel().write(ByteBuffer.allocate(MUCH)));

        final ConnectionHandler action;

        Wait(ConnectionHandler action) {
            this.action = action;
        }
    }

    private enum End {
        CLOSE(Connection::close),
        ABORT(Connection::abort),
        CLOSE_CHANNEL(connection -> connection.asByteChannel().close());

        final ConnectionHandler action;

        End(ConnectionHandler action) {
            this.action = action;
        }
    }

    @ParameterizedTest
    @EnumSource
    void ofACaller(Wait wait) throws Exception {
        for (End end : End.values()) {
            Pair pair = net.pair(PATIENT);
            pair.peer().send(new byte[3]); // too few
            Background<Void> call = wait.ordinal() % 2 == 0
                    ? Background.run(() -> wait.action.handle(pair.connection()))
                    : Background.runOnPlatformThread(() -> wait.action.handle(pair.connection()));
            call.awaitBlocked();
            end.action.handle(pair.connection());
            assertThat(Await.within(PROMPTLY, call::isDone))
                    .as("ends by %s", end)
                    .isTrue();
            assertThat(call.failure()).isInstanceOf(IOException.class);
        }
    }

    @ParameterizedTest
    @EnumSource
    void ofAHandler(Wait wait) throws Exception {
        End[] ends = End.values();
        check(wait, ends[wait.ordinal() % ends.length], false);
        check(wait, ends[(wait.ordinal() + 1) % ends.length], false);
    }

    @ParameterizedTest
    @EnumSource
    void ofAnOnConnect(Wait wait) throws Exception {
        check(wait, End.CLOSE, true);
    }

    private void check(Wait wait, End end, boolean inConnect) throws Exception {
        AtomicReference<Connection> running = new AtomicReference<>();
        AtomicInteger closes = new AtomicInteger();
        AtomicReference<Object> outcome = new AtomicReference<>();
        ConnectionHandler waits = connection -> {
            running.set(connection);
            try {
                wait.action.handle(connection);
                outcome.set("returned");
            } catch (IOException expected) {
                outcome.set(expected);
                throw expected;
            }
        };
        Listening server = net.listen(net.server()
                .options(PATIENT)
                .onConnect(connection -> {
                    if (variant.mode() == Mode.ADAPTIVE) {
                        Paces.proveShort(connection);
                    }
                    connection.addCloseCallback(c -> closes.incrementAndGet());
                    if (inConnect) {
                        waits.handle(connection);
                    }
                })
                .onRequest(inConnect ? Handlers.ignore() : waits));
        RawPeer peer = net.connectRaw(server.address());
        peer.send(new byte[3]);
        Await.until("it waits", () -> running.get() != null);
        Await.within(Timing.SHORT, () -> outcome.get() != null);
        assertThat(outcome.get()).as("it waits").isNull();
        end.action.handle(running.get());
        assertThat(Await.within(PROMPTLY, () -> closes.get() == 1))
                .as("ends by %s", end)
                .isTrue();
        assertThat(outcome.get()).isInstanceOf(IOException.class);
        server.awaitNoConnections();
        assertThat(server.server().shutdown(Timing.LONG)).isTrue();
        assertThat(net.takeErrors()).allSatisfy(error -> assertThat(error).isInstanceOf(IOException.class));
    }

    /** Who gives memory back beside readers that wake up keeps no processor from them. */
    @Test
    void whenManyCloseAndReleaseOnVirtualThreads() throws Exception {
        for (int round = 0; round < 5; round++) {
            Pair[] pairs = new Pair[16];
            Background<?>[] reads = new Background<?>[pairs.length];
            for (int i = 0; i < pairs.length; i++) {
                pairs[i] = net.pair(PATIENT);
                Connection connection = pairs[i].connection();
                reads[i] = Background.run(() -> connection.reader().readBytes(10));
            }
            for (Background<?> read : reads) {
                read.awaitBlocked();
            }
            Background<?>[] ends = new Background<?>[pairs.length];
            for (int i = 0; i < pairs.length; i++) {
                Connection connection = pairs[i].connection();
                ends[i] = Background.run(() -> {
                    connection.close();
                    connection.reader().release();
                });
            }
            for (int i = 0; i < pairs.length; i++) {
                ends[i].result();
                assertThat(reads[i].failure()).isInstanceOf(IOException.class);
            }
        }
    }

    @Test
    void whenTheServerIsShutDownInTheEnd() throws Exception {
        for (Wait wait : Wait.values()) {
            AtomicInteger closes = new AtomicInteger();
            AtomicInteger entered = new AtomicInteger();
            Listening server = net.listen(net.server()
                    .options(PATIENT)
                    .onConnect(connection -> connection.addCloseCallback(c -> closes.incrementAndGet()))
                    .onRequest(connection -> {
                        entered.incrementAndGet();
                        wait.action.handle(connection);
                    }));
            net.connectRaw(server.address()).send(new byte[3]);
            Await.until("the handler runs", () -> entered.get() == 1);
            server.server().shutdown(Timing.SHORT);
            assertThat(Await.within(PROMPTLY, () -> closes.get() == 1))
                    .as("%s ends", wait)
                    .isTrue();
        }
        net.takeErrors();
    }

    @Test
    void whenTheGroupIsClosed() throws Exception {
        for (Wait wait : Wait.values()) {
            try (OwnNet own = new OwnNet(variant, 1, false)) {
                Pair pair = own.net().pair(PATIENT);
                Background<Void> call = Background.run(() -> wait.action.handle(pair.connection()));
                call.awaitBlocked();
                own.group().close();
                assertThat(Await.within(PROMPTLY, call::isDone))
                        .as("%s ends", wait)
                        .isTrue();
                assertThat(call.failure()).isInstanceOf(IOException.class);
            }
        }
    }
}
