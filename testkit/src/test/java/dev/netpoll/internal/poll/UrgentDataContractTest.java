// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.Transport;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** A receive stops before a byte of urgent data, so that a short one does not mean that the socket is empty. */
@ParameterizedClass
@MethodSource("dev.netpoll.internal.poll.Variant#all")
class UrgentDataContractTest extends ContractTest {
    UrgentDataContractTest(Variant variant) {
        super(variant);
    }

    /** The JDK keeps a descriptor from the first that it closes on. */
    @BeforeAll
    static void closeOne() throws IOException {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Socket client = new Socket(server.getInetAddress(), server.getLocalPort())) {
            server.accept().close();
            assertThat(client.isConnected()).isTrue();
        }
    }

    @Test
    void whatFollowsUrgentDataIsDeliveredWithoutAnythingElseToCome() throws IOException {
        variant.assume(variant.isTcp() && variant.isReal(), "needs the TCP of a kernel");
        try (Socket client = new Socket()) {
            Recorder recorder = serve(client);
            for (int round = 1; round <= 20; round++) {
                String before = recorder.text();
                send(client, "abc");
                client.sendUrgentData('!');
                send(client, "def");
                // Nobody polls before all has arrived: what comes later would make an event of its own.
                await(() -> recorder.text().equals(before + "abcdef"));
            }
        }
    }

    @Test
    void whatFollowsUrgentDataIsDeliveredAfterAPause() throws IOException {
        variant.assume(variant.isTcp() && variant.isReal(), "needs the TCP of a kernel");
        try (Socket client = new Socket()) {
            Recorder recorder = serve(client);
            Transport server = open.getLast();
            server.pauseReading();
            send(client, "abc");
            client.sendUrgentData('!');
            send(client, "def");
            settle();
            server.resumeReading();
            await(() -> recorder.text().equals("abcdef"));
        }
    }

    @Test
    void theEndOfTheStreamBehindUrgentDataIsTold() throws IOException {
        variant.assume(variant.isTcp() && variant.isReal(), "needs the TCP of a kernel");
        try (Socket client = new Socket()) {
            Recorder recorder = serve(client);
            send(client, "abc");
            client.sendUrgentData('!');
            client.shutdownOutput();
            await(() -> recorder.peerFinished);
            assertThat(recorder.text()).isEqualTo("abc");
        }
    }

    @Test
    void aTransportThatWasAdoptedDeliversWhatFollowsUrgentDataThatArrivedBefore() throws IOException {
        variant.assume(variant.isTcp() && variant.isReal(), "needs the TCP of a kernel");
        try (Socket client = new Socket()) {
            serve(client);
            RawSocket raw = open.removeLast().detach();
            send(client, "abc");
            client.sendUrgentData('!');
            send(client, "def");
            Transport again = backend.adopt(raw);
            open.add(again);
            Recorder recorder = new Recorder();
            poller.register(again, recorder);
            await(() -> recorder.text().equals("abcdef"));
        }
    }

    /** Connects the client to a transport that is registered, and sends something through. */
    private Recorder serve(Socket client) throws IOException {
        ListenSocket socket = listen();
        client.connect((InetSocketAddress) socket.localAddress());
        client.setTcpNoDelay(true);
        await(() -> !accepted.isEmpty());
        Transport server = accepted.remove();
        open.add(server);
        Recorder recorder = new Recorder();
        poller.register(server, recorder);
        socket.close();
        settle();
        return recorder;
    }

    private static void send(Socket client, String text) throws IOException {
        client.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
    }
}
