// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.Transport;
import java.io.IOException;
import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

@ParameterizedClass
@MethodSource("dev.netpoll.internal.poll.Variant#all")
class AcceptContractTest extends ContractTest {
    AcceptContractTest(Variant variant) {
        super(variant);
    }

    /** Connects five clients, and lets the listener have its turns. */
    private void connectFive(ListenSocket socket) throws IOException {
        List<Recorder> clients = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            Recorder recorder = new Recorder();
            clients.add(recorder);
            connect(socket.localAddress(), recorder);
        }
        await(() -> clients.stream().allMatch(client -> client.connected));
        settle();
    }

    @Test
    void aPausedListenerLeavesConnectionsInTheQueue() throws IOException {
        ListenSocket socket = listen();
        socket.pause();
        socket.pause();
        connectFive(socket);
        assertThat(accepted).isEmpty();
        socket.resume();
        socket.resume();
        await(() -> accepted.size() == 5);
    }

    /** The receiver has one place for the connection that it is about to start. */
    @Test
    void aReceiverThatResumesWhileItHasAConnectionGetsTheNextWhenItHasReturned() throws IOException {
        ListenSocket socket = backend.bind(variant.freshAddress(), new ListenOptions(0, false, false));
        listening.add(socket);
        List<Transport> got = new ArrayList<>();
        AtomicInteger depth = new AtomicInteger();
        AtomicInteger deepest = new AtomicInteger();
        poller.listen(socket, new AcceptEvents() {
            @Override
            public void accepted(Transport transport) {
                deepest.accumulateAndGet(depth.incrementAndGet(), Math::max);
                got.add(transport);
                socket.pause();
                socket.resume();
                depth.decrementAndGet();
            }

            @Override
            public void acceptFailed(int errno) {
                throw new AssertionError(Errno.name(errno));
            }
        });
        socket.pause();
        connectFive(socket);
        socket.resume();
        await(() -> got.size() == 5);
        got.forEach(transport -> transport.close(false));
        assertThat(deepest).hasValue(1);
    }

    @Test
    void whatAPeerSentThatHasResetBeforeItWasAcceptedIsDelivered() throws IOException {
        variant.assume(variant.isReal(), "needs a kernel");
        ListenSocket socket = backend.bind(variant.freshAddress(), new ListenOptions(0, false, false));
        listening.add(socket);
        socket.pause();
        List<Transport> got = new ArrayList<>();
        poller.listen(socket, accepting(got, false, socket));
        Recorder atClient = new Recorder();
        Transport client = connect(socket.localAddress(), atClient);
        await(() -> atClient.connected);
        SocketAddress from = client.localAddress();
        assertThat(client.send(queue(new byte[100]))).isEqualTo(Transport.SENT);
        close(client, atClient, true);
        settle();
        socket.resume();
        await(() -> !got.isEmpty());
        Transport server = got.getFirst();
        open.add(server);
        if (variant.isTcp()) {
            assertThat(server.remoteAddress()).isEqualTo(from);
        }
        Recorder atServer = new Recorder();
        poller.register(server, atServer);
        await(() -> atServer.errno != 0 || atServer.peerFinished);
        assertThat(atServer.received()).isEqualTo(100);
    }

    @Test
    void aListenerMayBePausedBeforeItStarts() throws IOException {
        ListenSocket socket = backend.bind(variant.freshAddress(), new ListenOptions(0, false, false));
        listening.add(socket);
        socket.pause();
        List<Transport> got = new ArrayList<>();
        poller.listen(socket, accepting(got, false, socket));
        connect(socket.localAddress(), new Recorder());
        settle();
        assertThat(got).isEmpty();
        socket.resume();
        await(() -> got.size() == 1);
        got.getFirst().close(false);
    }

    @Test
    void aListenerClosedByItsReceiverStopsAtOnce() throws IOException {
        ListenSocket socket = backend.bind(variant.freshAddress(), new ListenOptions(0, false, false));
        listening.add(socket);
        List<Transport> got = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            connect(socket.localAddress(), new Recorder());
        }
        poller.listen(socket, accepting(got, true, socket));
        await(() -> !got.isEmpty());
        settle();
        assertThat(got).hasSize(1);
        got.getFirst().close(false);
        socket.close();
        socket.pause();
        socket.resume();
    }

    @Test
    void anAddressCanBeBoundAgainAtOnce() throws IOException {
        Pair pair = pair();
        var address = pair.server().localAddress();
        close(pair.server(), pair.atServer(), false);
        close(pair.client(), pair.atClient(), false);
        for (int i = 0; i < 3; i++) {
            listen(address, new ListenOptions(1, false, false)).close();
        }
    }

    @Test
    void severalListenersShareAnAddressIfTheyWant() throws IOException {
        variant.assume(variant.isTcp() && variant.isReal(), "needs the TCP of a kernel");
        ListenOptions sharing = new ListenOptions(0, true, false);
        ListenSocket first = listen(variant.freshAddress(), sharing);
        ListenSocket second = listen(first.localAddress(), sharing);
        assertThat(second.localAddress()).isEqualTo(first.localAddress());
        for (int i = 0; i < 10; i++) {
            connect(first.localAddress(), new Recorder());
        }
        await(() -> accepted.size() == 10);
    }

    private static AcceptEvents accepting(List<Transport> got, boolean once, ListenSocket socket) {
        return new AcceptEvents() {
            @Override
            public void accepted(Transport transport) {
                got.add(transport);
                if (once) {
                    socket.close();
                }
            }

            @Override
            public void acceptFailed(int errno) {
                throw new AssertionError(Errno.describe(errno));
            }
        };
    }
}
