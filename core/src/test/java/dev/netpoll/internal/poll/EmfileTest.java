// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import dev.netpoll.internal.poll.epoll.EpollMechanism;
import dev.netpoll.internal.poll.nio.NioMechanism;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs out of descriptors, in a JVM of its own whose limit is low. */
class EmfileTest {
    private static final int LIMIT = 100;

    @ParameterizedTest
    @ValueSource(strings = {"epoll", "nio"})
    void aServerWithoutDescriptorsIsToldAndRecovers(String backend) throws Exception {
        Child.run(
                List.of("sh", "-c", "ulimit -n " + LIMIT + " && exec \"$@\"", "sh"),
                System.getProperty("java.class.path"),
                EmfileTest.class,
                List.of("-XX:-MaxFDLimit"),
                backend);
    }

    /** The child. */
    public static void main(String[] arguments) throws IOException {
        Mechanism backend = arguments[0].equals("epoll") ? new EpollMechanism() : new NioMechanism();
        try (Poller poller = backend.openPoller()) {
            ListenSocket socket = backend.bind(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), new ListenOptions(0, false, false));
            List<Transport> accepted = new ArrayList<>();
            int[] errno = new int[1];
            poller.listen(socket, new AcceptEvents() {
                @Override
                public void accepted(Transport transport) {
                    accepted.add(transport);
                }

                @Override
                public void acceptFailed(int number) {
                    errno[0] = number;
                    socket.pause();
                }
            });
            List<Transport> clients = new ArrayList<>();
            TransportException refused = null;
            while (refused == null) {
                try {
                    Transport client = backend.open(socket.localAddress(), null);
                    clients.add(client);
                    poller.connect(client, socket.localAddress(), new Keeper());
                } catch (TransportException e) {
                    refused = e;
                }
            }
            check("open", refused.errno());
            while (errno[0] == 0) {
                poller.poll(10_000_000);
            }
            check("accept", errno[0]);
            int before = accepted.size();
            for (int i = 0; i < 10; i++) {
                clients.get(i).close(true);
            }
            poller.poll(0);
            errno[0] = 0;
            socket.resume();
            while (accepted.size() < before + 3) {
                poller.poll(10_000_000);
            }
            socket.close();
            clients.forEach(c -> c.close(false));
            accepted.forEach(c -> c.close(false));
        }
        System.out.println(Child.DONE);
    }

    private static void check(String call, int errno) {
        if (errno != Errno.EMFILE) {
            throw new AssertionError(call + ": " + Errno.describe(errno));
        }
    }
}
