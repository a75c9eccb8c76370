// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Framing;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** What a handler wrote and did not flush is flushed when it returns: a peer never waits in silence. */
@Variants(transports = Transport.TCP4)
class UnflushedBytesTest extends ConformanceTest {
    @Test
    void anAnswerThatWasNotFlushedArrives() throws Exception {
        Listening server = net.serve(connection -> {
            int length = (int) connection.reader().readableBytes();
            connection.writer().writeBytes(connection.reader().readBytes(length));
        });
        RawPeer peer = net.connectRaw(server.address());
        for (int i = 0; i < 20; i++) {
            peer.send("ping" + i % 10);
            assertThat(peer.receiveText(5)).isEqualTo("ping" + i % 10);
        }
    }

    @Test
    void anAnswerThatWasFlushedInPartArrivesInOrder() throws Exception {
        Listening server = net.serve(connection -> {
            Handlers.discard().handle(connection);
            connection.writer().writeUtf8("flushed ").flush();
            connection.writer().writeUtf8("and not");
        });
        RawPeer peer = net.connectRaw(server.address());
        for (int i = 0; i < 10; i++) {
            peer.send("?");
            assertThat(peer.receiveText(15)).isEqualTo("flushed and not");
        }
    }

    @Test
    void aGreetingThatWasNotFlushedArrives() throws Exception {
        Listening server = net.listen(net.server()
                .onConnect(connection -> connection.writer().writeUtf8("hello"))
                .onRequest(Handlers.echo()));
        RawPeer peer = net.connectRaw(server.address());
        assertThat(peer.receiveText(5)).isEqualTo("hello");
    }

    @Test
    void anAnswerToTheLastRequestArrivesBeforeTheEnd() throws Exception {
        Listening server = net.serve(connection -> {
            Handlers.discard().handle(connection);
            connection.writer().writeUtf8("bye");
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("?").finish();
        assertThat(peer.receiveText(3)).isEqualTo("bye");
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
    }

    @Test
    void aLargeAnswerThatWasNotFlushedArrives() throws Exception {
        byte[] answer = Bytes.pattern(4 << 20);
        Listening server = net.serve(connection -> {
            Handlers.discard().handle(connection);
            connection.writer().writeBytes(answer);
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("?");
        assertThat(Arrays.equals(peer.receive(answer.length), answer)).isTrue();
        peer.close();
        server.awaitNoConnections();
    }

    @Test
    void anAnswerToAFrameArrives() throws Exception {
        Listening server =
                net.listen(net.server().framing(Framing.lengthField(0, 4)).onRequest(connection -> {
                    int length = connection.reader().readInt();
                    connection.writer().writeBytes(connection.reader().readBytes(length));
                }));
        RawPeer peer = net.connectRaw(server.address());
        peer.send(Bytes.concat(Bytes.frame(new byte[] {'a', 'b'}), Bytes.frame(new byte[] {'c'})));
        assertThat(peer.receiveText(3)).isEqualTo("abc");
    }
}
