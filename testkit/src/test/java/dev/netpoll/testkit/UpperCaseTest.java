// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.netpoll.ConnectFailedException;
import dev.netpoll.Connection;
import dev.netpoll.ConnectionResetException;
import dev.netpoll.Dialer;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.ReadTimeoutException;
import dev.netpoll.Server;
import java.io.IOException;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** What docs/TESTKIT.md and the API documentation show: a user's handler, and tests of it. */
class UpperCaseTest {
    // @start region="handler"
    /** Answers each line in upper case. */
    static void upperCase(Connection connection) throws IOException {
        String line = new String(connection.reader().readUntil((byte) '\n'), UTF_8);
        connection.writer().writeUtf8(line.toUpperCase(Locale.ROOT)).flush();
    }
    // @end

    // @start region="test"
    @Test
    void aLineComesBackInUpperCase() throws IOException {
        try (TestNetwork network = TestNetwork.create();
                EventLoopGroup group =
                        EventLoopGroup.builder().backend(network.backend()).build();
                Server server = Server.builder()
                        .group(group)
                        .onRequest(UpperCaseTest::upperCase)
                        .build();
                Connection client = Dialer.builder().group(group).build().dial(server.listen(network.freshAddress()))) {
            client.writer().writeUtf8("hello\n").flush();
            assertEquals("HELLO\n", new String(client.reader().readUntil((byte) '\n'), UTF_8));
        }
    }
    // @end

    // @start region="pieces"
    @Test
    void aLineMayComeInPieces() throws IOException {
        NetworkFaults faults = NetworkFaults.some().withPipeCapacityBytes(100);
        try (TestNetwork network = TestNetwork.seeded(42, faults);
                EventLoopGroup group =
                        EventLoopGroup.builder().backend(network.backend()).build();
                Server server = Server.builder()
                        .group(group)
                        .onRequest(UpperCaseTest::upperCase)
                        .build();
                Connection client = Dialer.builder().group(group).build().dial(server.listen(network.freshAddress()))) {
            client.writer().writeUtf8("hello ".repeat(1000) + "\n").flush();
            assertEquals(
                    "HELLO ".repeat(1000) + "\n", new String(client.reader().readUntil((byte) '\n'), UTF_8));
        }
    }
    // @end

    // @start region="faults"
    @Test
    void aSilentServerIsGivenUpAndAnotherDialSucceeds() throws IOException {
        try (TestNetwork network = TestNetwork.create();
                EventLoopGroup group =
                        EventLoopGroup.builder().backend(network.backend()).build();
                Server server = Server.builder()
                        .group(group)
                        .onRequest(UpperCaseTest::upperCase)
                        .build()) {
            SocketAddress address = server.listen(network.freshAddress());
            Dialer dialer = Dialer.builder()
                    .group(group)
                    .readTimeout(Duration.ofMillis(300))
                    .build();
            try (Connection client = dialer.dial(address)) {
                network.link(client).stallInbound();
                client.writer().writeUtf8("hello\n").flush();
                assertThrows(ReadTimeoutException.class, () -> client.reader().readByte());
                network.link(client).reset();
                assertThrows(
                        ConnectionResetException.class, () -> client.reader().readBytes(7));
            }
            network.refuseDials(1);
            assertThrows(ConnectFailedException.class, () -> dialer.dial(address));
            dialer.dial(address).close();
        }
    }
    // @end

    // @start region="leaks"
    @Test
    void everythingIsGivenBack() throws IOException {
        try (LeakCheck _ = LeakCheck.begin();
                TestNetwork network = TestNetwork.create();
                EventLoopGroup group =
                        EventLoopGroup.builder().backend(network.backend()).build();
                Server server = Server.builder()
                        .group(group)
                        .onRequest(UpperCaseTest::upperCase)
                        .build()) {
            Dialer dialer = Dialer.builder().group(group).build();
            Connection client = dialer.dial(server.listen(network.freshAddress()));
            client.writer().writeUtf8("hello\n").flush();
            client.close();
            Await.until("the server has noticed", () -> server.connectionCount() == 0);
        } // fails here if a block, a thread or a descriptor is left
    }
    // @end
}
