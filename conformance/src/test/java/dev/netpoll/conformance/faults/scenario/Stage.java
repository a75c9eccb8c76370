// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults.scenario;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.DetachedSocket;
import dev.netpoll.Dialer;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.conformance.faults.Action;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What a trial has: a group of two loops; a server with a connection on each loop that no fault is meant for; another
 * server, and a plain listener, for what is done.
 */
final class Stage implements AutoCloseable {
    static final int SMALL_BUFFER = 1 << 14;
    private static final ConnectionOptions OPTIONS = ConnectionOptions.defaults();

    final EventLoopGroup group;
    final Effects effects = new Effects();

    /** How many handlers run. */
    final AtomicInteger handling = new AtomicInteger();

    /** What was detached and not yet adopted. */
    final Queue<DetachedSocket> detached = new ConcurrentLinkedQueue<>();

    /** Whether a handler's attempt to detach is over. */
    volatile boolean detachEnded;

    final Server steadyServer;
    final List<Peer> steady = new ArrayList<>();
    final Server server;
    final SocketAddress address;
    final ServerSocket listener = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());

    private final Rig rig;
    private final List<AutoCloseable> opened = new ArrayList<>();

    Stage(Rig rig, Action action) throws IOException {
        this.rig = rig;
        group = rig.newGroup();
        steadyServer = server().build();
        SocketAddress steadyAddress = steadyServer.listen(Rig.anyPort());
        while (steady.size() < Rig.LOOPS) {
            Peer peer = Peer.connect(steadyAddress, 0);
            steady.add(peer);
            peer.greet();
        }
        Server.Builder builder = server();
        if (action == Action.LARGE_ANSWER) {
            builder.onPrepare(connection -> connection.setOption(StandardSocketOptions.SO_SNDBUF, SMALL_BUFFER));
        }
        if (action == Action.CALLBACKS) {
            builder.onPrepare(connection -> connection.addCloseCallback(ending -> ending.attach(null)));
            builder.onConnect(connection -> connection.attach(this));
            builder.onDisconnect(connection -> connection.attach(rig));
        }
        server = builder.build();
        address = server.listen(Rig.anyPort());
    }

    private Server.Builder server() {
        return Server.builder()
                .group(group)
                .dispatch(rig.dispatch())
                .onRequest(new Protocol(this)::handle)
                .onError((connection, error) -> {});
    }

    /** A dialed connection and the peer behind it. */
    record Both(Connection mine, Peer theirs) {}

    Dialer dialer() {
        return Dialer.builder().group(group).dispatch(rig.dispatch()).build();
    }

    /** {@return a peer of the server, greeted} */
    Peer connected(int buffer) throws IOException {
        Peer peer = open(Peer.connect(address, buffer));
        peer.greet();
        return peer;
    }

    /** {@return a dialed connection, greeted} */
    Both dialed() throws IOException {
        Connection mine = open(dialer().dial(listener.getLocalSocketAddress(), Rig.PATIENCE));
        Peer theirs = open(Peer.accept(listener));
        talk(mine, theirs);
        mine.setReadTimeout(Rig.PATIENCE);
        return new Both(mine, theirs);
    }

    /** Says something in both directions. */
    static void talk(Connection mine, Peer theirs) throws IOException {
        mine.writer().writeBytes(Protocol.request(5, 5)).flush();
        theirs.await(Protocol.request(5, 5));
        theirs.send(Protocol.request(6, 6));
        mine.reader().skip(Protocol.LENGTH);
        mine.reader().release();
    }

    /** Will be closed in the end. */
    <T extends AutoCloseable> T open(T resource) {
        synchronized (opened) {
            opened.add(resource);
        }
        return resource;
    }

    /** Waits until only the steady connections are left; it is the end that notices if more are. */
    void awaitOthersLeft() {
        Await.within(Rig.PATIENCE, () -> group.connectionCount() == Rig.LOOPS);
    }

    /** Adopts what was detached last, and says something to its peer. */
    void adopt(Peer peer) throws IOException {
        DetachedSocket socket = detached.remove();
        Connection again;
        try {
            again = group.adopt(socket, OPTIONS);
        } catch (IOException | Error failed) {
            socket.close();
            peer.awaitEnd();
            throw failed;
        }
        open(again);
        again.setReadTimeout(Rig.PATIENCE);
        try {
            talk(again, peer);
        } catch (Throwable thrown) {
            again.close();
            peer.awaitEnd();
            throw thrown;
        }
    }

    /** Closes what was opened. */
    void closeOpened() {
        synchronized (opened) {
            for (AutoCloseable resource : opened) {
                effects.bounded("close() afterwards", (Act) resource::close);
            }
        }
    }

    /** Adopts and closes what was detached and is still nobody's. */
    void adoptLeftOver() {
        for (DetachedSocket socket = detached.poll(); socket != null; socket = detached.poll()) {
            DetachedSocket left = socket;
            effects.bounded("adopt() afterwards", (Act) () -> {
                try {
                    group.adopt(left, OPTIONS).close();
                } catch (IOException gone) {
                    left.close();
                }
            });
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
    }
}
