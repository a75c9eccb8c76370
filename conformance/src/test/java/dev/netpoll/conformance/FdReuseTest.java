// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.Dialer;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.testkit.Await;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Descriptors are used again as soon as they are closed: nothing may reach the wrong connection. */
class FdReuseTest extends ConformanceTest {
    private Listening named(String name) throws Exception {
        return net.serve(
                Handlers.frames(request -> (name + new String(request, java.nio.charset.StandardCharsets.UTF_8))
                        .getBytes(java.nio.charset.StandardCharsets.UTF_8)));
    }

    @Test
    void shortConnectionsToTwoServersAlwaysGetTheRightAnswer() throws Exception {
        List<Listening> servers = List.of(named("a"), named("b"));
        Dialer dialer = net.dialer().build();
        List<Background<Void>> clients = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            int client = i;
            clients.add(Background.run(() -> {
                for (int j = 0; j < 20; j++) {
                    int server = (client + j) % 2;
                    String id = client + ":" + j;
                    try (Connection connection = dialer.dial(servers.get(server).address())) {
                        connection.writer().writeInt(id.length()).writeUtf8(id).flush();
                        String answer =
                                connection.reader().readUtf8(connection.reader().readInt());
                        assertThat(answer).isEqualTo((server == 0 ? "a" : "b") + id);
                    }
                }
            }));
        }
        clients.forEach(Background::result);
        for (Listening server : servers) {
            server.awaitNoConnections();
        }
    }

    @Test
    void aConnectionThatIsClosedDoesNothingToTheNextOneWithItsDescriptor() throws Exception {
        for (int i = 0; i < 50; i++) {
            Pair old = net.pair();
            old.peer().send("for the old one only");
            old.connection().close();
            Pair next = net.pair();
            // All of these once reached a number, and the number may be the next connection's by now.
            old.connection().close();
            old.connection().abort();
            old.connection().pauseReading();
            old.connection().isReusable();
            next.peer().send("new");
            assertThat(next.connection().reader().readUtf8(3)).isEqualTo("new");
            assertThat(next.connection().reader().readableBytes()).isZero();
            next.connection().writer().writeByte('x').flush();
            assertThat(next.peer().receiveText(1)).isEqualTo("x");
        }
    }

    @Test
    void tenCyclesOfDialAndCloseInARow() throws Exception {
        Listening server = named("c");
        for (int i = 0; i < 10; i++) {
            Connection connection = net.dialer().build().dial(server.address());
            connection.close();
            connection.close();
        }
        Await.until("nothing is left", () -> net.group().connectionCount() == 0);
    }
}
