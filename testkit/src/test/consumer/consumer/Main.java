// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package consumer;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionResetException;
import dev.netpoll.Dialer;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.testkit.Await;
import dev.netpoll.testkit.LeakCheck;
import dev.netpoll.testkit.NetworkError;
import dev.netpoll.testkit.NetworkFaults;
import dev.netpoll.testkit.TestLink;
import dev.netpoll.testkit.TestNetwork;
import java.io.IOException;

/** A user's test without a framework: an echo, a fault, and nothing left. */
public final class Main {
    private Main() {}

    private static void echo(Connection connection) throws IOException {
        connection.writer().writeUtf8(connection.reader().readUtf8(5)).flush();
    }

    private static String ask(TestNetwork network, EventLoopGroup group, Server server) throws IOException {
        Dialer dialer =
                Dialer.builder().group(group).readTimeout(Await.DEADLINE).build();
        try (Connection client = dialer.dial(server.listen(network.freshAddress()))) {
            TestLink link = network.link(client);
            client.writer().writeUtf8("hello").flush();
            String answer = client.reader().readUtf8(5);
            link.failNextSend(NetworkError.RESET);
            try {
                client.writer().writeUtf8("hello").flush();
                return answer;
            } catch (ConnectionResetException reset) {
                return answer + ", then " + reset.errno();
            }
        }
    }

    /** Asks, and prints what happened. */
    public static void main(String[] args) throws IOException {
        try (LeakCheck leaks = LeakCheck.begin();
                TestNetwork network = TestNetwork.seeded(1, NetworkFaults.some());
                EventLoopGroup group =
                        EventLoopGroup.builder().backend(network.backend()).build();
                Server server =
                        Server.builder().group(group).onRequest(Main::echo).build()) {
            System.out.println(ask(network, group, server));
            if (leaks.leaks().isEmpty()) {
                throw new AssertionError("the group runs, and its threads are not seen");
            }
        }
    }
}
