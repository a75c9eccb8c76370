// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Brink;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.LosesBlocks;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Rounds;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The stack ends inside a call of the library, at one depth after the other: it costs the connection at most. Its
 * socket is closed, its memory comes back, and the others are served.
 */
@Variants(transports = Transport.TCP4)
@LosesBlocks
@SuppressWarnings({"ExposedPrivateType", "ImmutableEnumChecker"})
class StackOverflowTest extends OwnNetTest {
    /** One connection for each depth: so many frames above the one where nothing is left. */
    private static final int DEPTHS = Rounds.of(24);

    private static final int DEPTH_STEP = 5;

    private enum Call {
        WRITE(connection -> connection.writer().writeInt(1)),
        WRITE_MUCH(connection -> connection.writer().writeBytes(new byte[20_000])),
        FLUSH(connection -> connection.writer().writeInt(1).writeInt(2).flush()),
        READ(connection -> connection.reader().readByte()),
        SLICE(connection -> connection.attach(connection.reader().slice(2))),
        READABLE(connection -> connection.reader().readableBytes()),
        RELEASE(connection -> connection.reader().release()),
        SHUTDOWN_OUTPUT(Connection::shutdownOutput),
        CLOSE(Connection::close),
        ABORT(Connection::abort),
        TIMEOUTS(connection -> {
            connection.setReadTimeout(Timing.LONG);
            connection.setIdleTimeout(Timing.LONG);
        }),
        PAUSE(connection -> {
            connection.pauseReading();
            connection.resumeReading();
        });

        final ConnectionHandler action;

        Call(ConnectionHandler action) {
            this.action = action;
        }
    }

    /** Every other time the handler catches it at the top, and closes. */
    @ParameterizedTest
    @EnumSource
    void inAHandler(Call call) throws Exception {
        AtomicInteger depth = new AtomicInteger();
        AtomicInteger closes = new AtomicInteger();
        AtomicInteger overflows = new AtomicInteger();
        Listening server = own.net()
                .listen(own.net()
                        .server()
                        .onError((connection, error) -> {
                            if (!(error instanceof StackOverflowError || error instanceof IOException)) {
                                throw new AssertionError(error);
                            }
                        })
                        .onConnect(connection -> connection.addCloseCallback(c -> closes.incrementAndGet()))
                        .onRequest(connection -> {
                            if (connection.reader().readableBytes() < 8) {
                                connection.demand(8);
                                return;
                            }
                            int level = depth.get();
                            if (level < 0) {
                                call.action.handle(connection); // what it needs is loaded
                                closeSlice(connection);
                                Handlers.echo().handle(connection);
                                connection.close();
                                return;
                            }
                            try {
                                Brink.run(level, () -> call.action.handle(connection));
                            } catch (StackOverflowError overflow) {
                                overflows.incrementAndGet();
                                if ((level & 1) == 0) {
                                    throw overflow;
                                }
                                connection.close();
                            } finally {
                                closeSlice(connection);
                            }
                            Handlers.discard().handle(connection);
                        }));
        Listening echo = own.net().serve(Handlers.echo());
        RawPeer good = own.net().connectRaw(echo.address());
        exchange(good);
        depth.set(-1);
        for (int i = 0; i < 3; i++) {
            try (RawPeer first = own.net().connectRaw(server.address())) {
                first.send(new byte[8]).awaitEnd();
            }
        }
        Await.until("they have ended", () -> closes.get() == 3);
        long blocks = LeakCheck.outstandingBlocks();
        for (int i = 0; i < DEPTHS; i++) {
            depth.set(i * DEPTH_STEP);
            try (RawPeer peer = own.net().connectRaw(server.address())) {
                peer.send(new byte[8]);
                peer.finish();
                int level = i;
                Await.until("the peer sees the end at depth " + i, peer::sawEnd);
                Await.until("the close callback ran at depth " + i, () -> closes.get() == 4 + level);
            }
            exchange(good);
        }
        assertThat(overflows).as("it has met the end of the stack").hasPositiveValue();
        checkNothingIsLeft(server, blocks);
    }

    private void checkNothingIsLeft(Listening server, long blocks) throws Exception {
        server.awaitNoConnections();
        assertThat(server.server().shutdown(Timing.LONG)).isTrue();
        // A loop may keep a block that it receives into.
        long allowed = blocks + own.group().loops();
        own.net().awaitMemory("memory is back", () -> {
            System.gc();
            return LeakCheck.outstandingBlocks() <= allowed;
        });
    }

    private static void closeSlice(Connection connection) {
        if (connection.attachment() instanceof LinkBuffer slice) {
            slice.close();
        }
    }

    private static void exchange(RawPeer peer) {
        peer.send("ping");
        assertThat(peer.receiveText(4)).isEqualTo("ping");
    }

    @ParameterizedTest
    @EnumSource
    void onACallersThread(Call call) throws Exception {
        if (variant.isInline()) {
            return; // no handler takes part, so it is the same for each
        }
        boolean platform = variant.mode() == dev.netpoll.conformance.support.Mode.ADAPTIVE;
        Background.Action dives = () -> {
            for (int i = 0; i < DEPTHS; i++) {
                diveOnce(call, i * DEPTH_STEP, i < 3);
            }
        };
        long blocks = LeakCheck.outstandingBlocks();
        if (platform) {
            Background.runOnPlatformThread(dives).result();
        } else {
            Background.run(dives).result();
        }
        Await.until("all have ended", () -> own.group().connectionCount() == 0);
        long allowed = blocks + own.group().loops();
        own.net().awaitMemory("memory is back", () -> {
            System.gc();
            return LeakCheck.outstandingBlocks() <= allowed;
        });
    }

    private void diveOnce(Call call, int depth, boolean warm) throws Exception {
        Pair pair = own.net().pair();
        AtomicInteger closes = new AtomicInteger();
        try (RawPeer peer = pair.peer()) {
            Connection connection = pair.connection();
            connection.addCloseCallback(c -> closes.incrementAndGet());
            peer.send(new byte[8]);
            connection.reader().peek(8);
            try {
                if (warm) {
                    call.action.handle(connection);
                } else {
                    Brink.run(depth, () -> call.action.handle(connection));
                }
            } catch (StackOverflowError | IOException expected) {
                // As a caller does that knows how to go on.
            } finally {
                closeSlice(connection);
            }
            connection.close();
            Await.until("the peer sees the end at depth " + depth, peer::sawEnd);
            Await.until("the close callback ran at depth " + depth, () -> closes.get() == 1);
        }
    }
}
