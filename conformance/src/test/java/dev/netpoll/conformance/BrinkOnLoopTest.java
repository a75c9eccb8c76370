// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.conformance.support.Brink;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.LosesBlocks;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.OwnNet;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Rounds;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

/**
 * The stack of a loop's thread ends inside a call that a handler makes there. What the connections of the loop share is
 * not harmed: the others get their own bytes, and the peer of the one learns that it has ended.
 */
@Variants(transports = Transport.TCP4, modes = Mode.INLINE)
@LosesBlocks
class BrinkOnLoopTest extends ConformanceTest {
    private static final int DEPTHS = Rounds.of(20);

    /** Calls that change, or once changed, what a loop's connections share. */
    private enum Call {
        TIMERS {
            @Override
            void make(Connection connection) {
                connection.setReadTimeout(Duration.ofMillis(300));
                connection.setIdleTimeout(Duration.ofSeconds(20));
                connection.setWriteDeadline(Instant.now().plusMillis(300));
            }
        },
        SMALL_FLUSH {
            @Override
            void make(Connection connection) throws Exception {
                connection.writer().writeInt(1).flush();
            }
        },
        PARTS {
            @Override
            void make(Connection connection) throws Exception {
                connection
                        .writer()
                        .writeBytes(new byte[20_000])
                        .writeBytes(new byte[20_000])
                        .flush();
            }
        },
        LENT_MEMORY {
            @Override
            void make(Connection connection) throws Exception {
                connection.writer().writeDirect(ByteBuffer.allocateDirect(5000)).flush();
            }
        },
        PAUSING {
            @Override
            void make(Connection connection) {
                connection.pauseReading();
                connection.resumeReading();
            }
        };

        abstract void make(Connection connection) throws Exception;
    }

    @Test
    void theOthersOfTheLoopAreServedAndThePeerSeesTheEnd() throws Exception {
        try (OwnNet own = new OwnNet(variant, 1, true)) {
            Listening echo = own.net().serve(Handlers.echo());
            RawPeer other = own.net().connectRaw(echo.address());
            byte[] request = Bytes.pattern(3000);
            for (Call call : Call.values()) {
                for (int depth = 0; depth < DEPTHS; depth++) {
                    int frames = depth;
                    Listening server = own.net()
                            .listen(own.net().server().onError((c, t) -> {}).onRequest(connection -> {
                                connection.reader().skip(connection.reader().readableBytes());
                                for (int i = 0; i < 5; i++) {
                                    atTheBrink(frames + 7 * i, () -> call.make(connection));
                                }
                                connection.close();
                            }));
                    RawPeer victim = own.net().connectRaw(server.address());
                    victim.trySend(new byte[] {1});
                    assertThat(other.send(request).receive(request.length)).isEqualTo(request);
                    victim.awaitEnd();
                    assertThat(other.send(request).receive(request.length)).isEqualTo(request);
                    server.server().close();
                }
            }
        }
    }

    private static void atTheBrink(int frames, Brink.Action action) throws Exception {
        try {
            Brink.run(frames, action);
        } catch (StackOverflowError | IllegalStateException | IOException expected) {
            // there was no stack for it, or an earlier call was in vain
        }
    }
}
