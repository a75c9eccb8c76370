// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.netpoll.Connection;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A server without onRequest: the program that got its connections reads them, and closes them. */
class HandlerlessServerTest extends ConformanceTest {
    private final AtomicReference<Connection> accepted = new AtomicReference<>();

    private Server.Builder server(boolean inPrepare) {
        Server.Builder server = net.server();
        return inPrepare ? server.onPrepare(accepted::set) : server.onConnect(accepted::set);
    }

    /** The peer sends and finishes; {@return it, when that was noticed} */
    private RawPeer finishedPeer(Listening server) throws Exception {
        RawPeer peer = net.connectRaw(server.address());
        peer.send("question").finish();
        Await.until(
                "the end is noticed",
                () -> accepted.get() != null && !accepted.get().isActive());
        Await.stays("it is open", Timing.SHORT, () -> server.server().connectionCount() == 1);
        return peer;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatCameBeforeThePeersEndIsReadAndAnswered(boolean inPrepare) throws Exception {
        Listening server = net.listen(server(inPrepare));
        RawPeer peer = finishedPeer(server);
        assertThat(accepted.get().reader().readUtf8(8)).isEqualTo("question");
        accepted.get().writer().writeUtf8("answer").flush();
        assertThat(peer.receiveText(6)).isEqualTo("answer");
        assertThat(server.server().connectionCount()).isEqualTo(1);
        accepted.get().close();
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
        server.awaitNoConnections();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aHandlerThatIsSetAfterThePeersEndRunsAndThenTheConnectionClosesItself(boolean inPrepare) throws Exception {
        Listening server = net.listen(server(inPrepare));
        RawPeer peer = finishedPeer(server);
        accepted.get().onRequest(Handlers.echo());
        assertThat(peer.receiveText(8)).isEqualTo("question");
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
        server.awaitNoConnections();
    }

    @Test
    void shuttingDownClosesWhatTheProgramHasNotClosed() throws Exception {
        Listening server = net.listen(server(false));
        RawPeer peer = finishedPeer(server);
        assertThat(server.server().shutdown(Timing.LONG)).isTrue();
        peer.awaitEnd();
        assertThat(accepted.get().isActive()).isFalse();
    }

    @Test
    void aConnectionThatNobodyHasGotClosesItself() throws Exception {
        Listening server = net.listen(net.server());
        RawPeer peer = net.connectRaw(server.address());
        peer.send("question").finish();
        peer.awaitEnd();
        server.awaitNoConnections();
    }

    @Test
    void aConnectionThatBrokeAndWasDroppedEnds() throws Exception {
        assumeTrue(variant.isTcp(), "a Unix socket that is closed without unread bytes has ended, not broken");
        AtomicInteger connects = new AtomicInteger();
        Listening server = net.listen(net.server().onConnect(connection -> connects.incrementAndGet()));
        RawPeer peer = net.connectRaw(server.address());
        Await.until("it is connected", () -> connects.get() == 1);
        peer.reset();
        server.awaitNoConnections();
    }
}
