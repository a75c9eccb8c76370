// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionClosedException;
import dev.netpoll.Dialer;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Brink;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.LosesBlocks;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Rounds;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/**
 * The stack of a caller ends inside a call of a server, a dialer or a group. The same call with room on the stack does
 * its work afterwards: no lock stays behind. (A {@code ReentrantLock} that finds no stack may be taken all the same.)
 */
@Variants(transports = Transport.TCP4, modes = Mode.VIRTUAL)
@LosesBlocks
class BrinkOfStackTest extends OwnNetTest {
    private static final int DEPTHS = Rounds.of(30);

    @Test
    void aServerIsShutDownAfterAShutdownThatFailed() throws Exception {
        for (int depth = 0; depth < DEPTHS; depth++) {
            Server server = own.net().server().onRequest(Handlers.echo()).build();
            server.listen(own.net().freshAddress());
            Brink.runApart(depth, () -> server.shutdown(Duration.ZERO));
            Background.run(() -> server.shutdown(Duration.ZERO)).result();
        }
    }

    @Test
    void aServerListensAfterAListenThatFailed() throws Exception {
        for (int depth = 0; depth < DEPTHS; depth++) {
            try (Server server = own.net().server().onRequest(Handlers.echo()).build()) {
                Brink.runApart(depth, () -> server.listen(own.net().freshAddress()));
                Background.run(() -> server.listen(own.net().freshAddress())).result();
            }
        }
    }

    @Test
    void aGroupIsUsedAndClosedAfterAFirstUseThatFailed() throws Exception {
        SocketAddress address = own.net().serve(Handlers.echo()).address();
        for (int depth = 0; depth < DEPTHS; depth++) {
            EventLoopGroup group =
                    EventLoopGroup.builder().backend(variant.backend()).loops(1).build();
            Dialer dialer = Dialer.builder().group(group).build();
            Brink.runApart(depth, () -> dialer.dial(address).close());
            Background.run(() -> dialer.dial(address).close()).result();
            Brink.runApart(depth, group::close);
            Background.run(group::close).result();
            assertThat(group.connectionCount()).isZero();
        }
    }

    @Test
    void aPauseThatFailedHasNotPaused() throws Exception {
        Pair pair = own.net().pair();
        Connection connection = pair.connection();
        for (int depth = 0; depth < DEPTHS; depth++) {
            AtomicBoolean done = new AtomicBoolean();
            Brink.runApart(depth, () -> {
                connection.pauseReading();
                done.set(true);
            });
            assertThat(connection.isReadingPaused()).as("depth %d", depth).isEqualTo(done.get());
            connection.resumeReading();
        }
        pair.peer().send("x");
        assertThat(connection.reader().readByte()).isEqualTo((byte) 'x');
    }

    /** The next flush waits for what there is to send, not for what the failed write has counted. */
    @Test
    void aFlushEndsAfterAWriteThatFailed() throws Exception {
        SocketAddress address = own.net().serve(Handlers.discard()).address();
        byte[] much = new byte[200_000];
        for (int depth = 0; depth < 4 * DEPTHS; depth++) {
            try (Connection connection = own.net().dial(address)) {
                Brink.runApart(depth, () -> connection.writer().writeBytes(much));
                Background.runOnPlatformThread(
                                () -> connection.writer().writeByte(1).flush())
                        .result();
            }
        }
    }

    /** An Error that its thread has swallowed is named to the next user of the connection. */
    @Test
    void aConnectionThatAnErrorHasEndedSaysSo() throws Exception {
        SocketAddress address = own.net().serve(Handlers.discard()).address();
        for (int depth = 0; depth < 4 * DEPTHS; depth++) {
            try (Connection connection = own.net().dial(address)) {
                Brink.runApart(
                        depth,
                        () -> connection.writer().writeBytes(new byte[100]).flush());
                try {
                    connection.writer().writeByte(1).flush();
                } catch (ConnectionClosedException e) {
                    assertThat(e).as("depth %d", depth).hasMessageContaining("an Error struck");
                }
            }
        }
    }

    /** A lock of the JDK's channel that such a flush has taken, and nobody gives back, must not stop the loop. */
    @Test
    void othersOfTheLoopAreServedAfterAFlushThatFailed() throws Exception {
        SocketAddress address = own.net().serve(Handlers.echo()).address();
        try (RawPeer other = own.net().connectRaw(address)) {
            for (int depth = 0; depth < 8 * DEPTHS; depth++) {
                Connection connection = own.net().dial(address);
                Brink.runApart(
                        depth,
                        () -> connection.writer().writeBytes(new byte[100]).flush());
                connection.close();
                other.send("ping");
                assertThat(other.receiveText(4)).as("depth %d", depth).isEqualTo("ping");
            }
        }
    }
}
