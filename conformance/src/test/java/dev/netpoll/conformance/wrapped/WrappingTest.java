// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.wrapped;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Backend;
import dev.netpoll.Connection;
import dev.netpoll.Dialer;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.internal.poll.Mechanism;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.PollerWatch;
import dev.netpoll.internal.transport.Transport;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.opentest4j.TestAbortedException;

/** A suite that passes on a wrapped backend says something only if that backend does what it is for. */
@ExtendWith(LeakCheck.class)
class WrappingTest {
    private static final int BYTES = 1 << 20;

    @ParameterizedTest
    @ValueSource(strings = {"epoll", "io_uring", "nio"})
    void everyByteGoesThroughInOddPieces(String name) throws IOException {
        Backend backend = Wrapping.around(Backend.of(name));
        byte[] sent = new byte[BYTES];
        new Random(1).nextBytes(sent);
        long sentBefore = ChoppedSending.piecesOfAll();
        long receivedBefore = ChoppedReceiving.piecesOfAll();
        try (EventLoopGroup group = group(backend);
                Server server = Server.builder()
                        .group(group)
                        .onRequest(WrappingTest::echo)
                        .build()) {
            InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
            try (Connection connection = Dialer.builder().group(group).build().dial(server.listen(any))) {
                Thread writer = Thread.startVirtualThread(() -> write(connection, sent));
                assertThat(connection.reader().readBytes(BYTES)).isEqualTo(sent);
                join(writer);
            }
        }
        assertThat(ChoppedSending.piecesOfAll() - sentBefore)
                .isGreaterThan(2L * BYTES / ChoppedSending.BETWEEN_PAUSES_MAX);
        assertThat(ChoppedReceiving.piecesOfAll() - receivedBefore)
                .isGreaterThan(2L * BYTES / ChoppedReceiving.PIECE_MAX);
    }

    private static EventLoopGroup group(Backend backend) {
        try {
            return EventLoopGroup.builder().backend(backend).loops(2).build();
        } catch (UnsupportedOperationException unsupported) {
            throw new TestAbortedException(backend + " cannot run here: " + unsupported.getMessage());
        }
    }

    private static void echo(Connection connection) throws IOException {
        connection.writer().writeBytes(connection.reader().readBytes((int)
                connection.reader().readableBytes()));
        connection.writer().flush();
    }

    private static void write(Connection connection, byte[] bytes) {
        try {
            connection.writer().writeBytes(bytes);
            connection.writer().flush();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** A method with a default that the wrapped backend forgets compiles, and then some backend works less well. */
    @Test
    void nothingOfTheSeamIsForgotten() {
        assertThat(forgotten(Mechanism.class, ChoppedMechanism.class)).isEmpty();
        assertThat(forgotten(PollerWatch.class, ChoppedWatch.class)).isEmpty();
        assertThat(forgotten(Transport.class, ChoppedTransport.class)).isEmpty();
        assertThat(forgotten(Poller.class, ChoppedPoller.class)).containsExactly("poll"); // made of the others
    }

    private static List<String> forgotten(Class<?> contract, Class<?> wrapper) {
        return Arrays.stream(contract.getDeclaredMethods())
                .filter(method -> !method.isSynthetic())
                .filter(method -> Arrays.stream(wrapper.getDeclaredMethods())
                        .noneMatch(own -> own.getName().equals(method.getName())
                                && Arrays.equals(own.getParameterTypes(), method.getParameterTypes())))
                .map(method -> method.getName())
                .toList();
    }
}
