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
import dev.netpoll.conformance.faults.Arming;
import dev.netpoll.conformance.faults.Faults;
import dev.netpoll.conformance.support.Await;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/** One action while a fault strikes, and what must hold afterwards. The calling thread only. */
final class Trial {
    static final int LARGE = 1 << 20;
    private static final ConnectionOptions OPTIONS = ConnectionOptions.defaults();
    private static final Duration MOMENT = Duration.ofMillis(2);
    private static final int SMALL_BUFFER = 1 << 14;

    /** How many handlers run. */
    final AtomicInteger handling = new AtomicInteger();

    final Queue<DetachedSocket> detached = new ConcurrentLinkedQueue<>();

    private final Rig rig;
    private final Action action;
    private final List<String> effects = new ArrayList<>();
    private final List<AutoCloseable> opened = new ArrayList<>();
    private final List<Peer> steady = new ArrayList<>();
    private EventLoopGroup group;
    private Server steadyServer;
    private Server server;
    private SocketAddress address;
    private ServerSocket listener;
    private boolean serverEnded;

    Trial(Rig rig, Action action) {
        this.rig = rig;
        this.action = action;
    }

    /** What is done while the fault strikes; may throw anything. */
    private interface Act {
        void run() throws Exception;
    }

    List<String> run(Arming arming) throws Exception {
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
        server = builder.build();
        address = server.listen(Rig.anyPort());
        try (ServerSocket raw = new ServerSocket(0, 16, InetAddress.getLoopbackAddress())) {
            listener = raw;
            Act act = prepare();
            Await.until("handlers return", () -> handling.get() == 0);
            Await.within(MOMENT, () -> false); // and what they leave behind is tidied up
            Faults.arm(arming);
            try {
                bounded("the action", () -> {
                    act.run();
                    return null;
                });
            } finally {
                Faults.disarm();
            }
            finish();
        }
        end();
        return effects;
    }

    private Server.Builder server() {
        return Server.builder()
                .group(group)
                .dispatch(rig.dispatch())
                .onRequest(new Protocol(this)::handle)
                .onError((connection, error) -> {});
    }

    private Act prepare() throws IOException {
        return switch (action) {
            case CONNECT ->
                () -> {
                    Connection dialed = open(dialer().dial(listener.getLocalSocketAddress(), Rig.PATIENCE));
                    talk(dialed, open(Peer.accept(listener)));
                };
            case ACCEPT -> () -> open(Peer.connect(address, 0)).echo();
            case REQUEST -> {
                Peer peer = connected(0);
                yield peer::echo;
            }
            case LARGE_ANSWER -> {
                Peer peer = connected(SMALL_BUFFER);
                byte[] content = Protocol.content(LARGE);
                yield () -> {
                    peer.ask(Protocol.LARGE, LARGE);
                    peer.await(content);
                };
            }
            case FLUSH -> {
                Both both = dialed();
                yield () -> flush(both, 1000);
            }
            case LARGE_FLUSH -> {
                Both both = dialed();
                both.mine().setOption(StandardSocketOptions.SO_SNDBUF, SMALL_BUFFER);
                yield () -> flush(both, LARGE);
            }
            case HALF_CLOSE -> {
                Both both = dialed();
                yield () -> halfClose(both);
            }
            case PEER_HALF_CLOSE -> {
                Peer peer = connected(0);
                yield () -> {
                    peer.ask(Protocol.ECHO, 0);
                    peer.finish();
                    if (peer.await(Protocol.request(Protocol.ECHO, 0)) == Peer.Outcome.ALL) {
                        peer.awaitEnd();
                    }
                    awaitOthersLeft();
                };
            }
            case DETACH -> {
                Both both = dialed();
                yield () -> {
                    detached.add(both.mine().detach());
                    adopt(both.theirs());
                };
            }
            case HANDLER_DETACH -> {
                Peer peer = connected(0);
                yield () -> {
                    peer.ask(Protocol.DETACH, 0);
                    Await.within(Rig.PATIENCE, () -> !detached.isEmpty() || server.connectionCount() == 0);
                    if (!detached.isEmpty()) {
                        adopt(peer);
                    }
                };
            }
            case CLOSE -> {
                Both both = dialed();
                yield () -> close(both, both.mine()::close);
            }
            case ABORT -> {
                Both both = dialed();
                yield () -> close(both, both.mine()::abort);
            }
            case HANDLER_CLOSE -> {
                Peer peer = connected(0);
                yield () -> {
                    peer.ask(Protocol.CLOSE, 0);
                    peer.awaitEnd();
                    awaitOthersLeft();
                };
            }
            case PEER_RESET -> {
                Peer peer = connected(0);
                yield () -> {
                    peer.reset();
                    awaitOthersLeft();
                };
            }
            case SHUTDOWN -> {
                Peer peer = connected(0);
                yield () -> {
                    serverEnded = server.shutdown(Rig.PATIENCE);
                    if (!serverEnded) {
                        say("shutdown() returns false");
                    }
                    peer.awaitEnd();
                };
            }
            case GROUP_CLOSE -> {
                Peer peer = connected(0);
                Both both = dialed();
                yield () -> {
                    long begin = System.nanoTime();
                    group.close();
                    if (System.nanoTime() - begin > Rig.PATIENCE.toNanos()) {
                        say("group.close() takes too long");
                    }
                    peer.awaitEnd();
                    both.theirs().awaitEnd();
                };
            }
        };
    }

    /** A dialed connection and the peer behind it. */
    private record Both(Connection mine, Peer theirs) {}

    private Dialer dialer() {
        return Dialer.builder().group(group).dispatch(rig.dispatch()).build();
    }

    private Peer connected(int buffer) throws IOException {
        Peer peer = open(Peer.connect(address, buffer));
        peer.greet();
        return peer;
    }

    private Both dialed() throws IOException {
        Connection mine = open(dialer().dial(listener.getLocalSocketAddress(), Rig.PATIENCE));
        Peer theirs = open(Peer.accept(listener));
        talk(mine, theirs);
        mine.setReadTimeout(Rig.PATIENCE);
        return new Both(mine, theirs);
    }

    private static void talk(Connection mine, Peer theirs) throws IOException {
        mine.writer().writeBytes(Protocol.request(5, 5)).flush();
        theirs.await(Protocol.request(5, 5));
        theirs.send(Protocol.request(6, 6));
        mine.reader().skip(Protocol.LENGTH);
        mine.reader().release();
    }

    private void flush(Both both, int length) throws IOException {
        byte[] content = Protocol.content(length);
        FutureTask<Peer.Outcome> reading = new FutureTask<>(() -> both.theirs().await(content));
        Thread.ofVirtual().name("peer").start(reading);
        Throwable failure = null;
        try {
            both.mine().writer().writeBytes(content).flush();
        } catch (Throwable thrown) {
            failure = thrown;
            both.mine().close();
        }
        Peer.Outcome outcome = result(reading);
        if (failure == null && outcome == Peer.Outcome.ENDED && both.mine().isActive()) {
            say("a flush succeeds, and the peer finds the stream ended");
        }
    }

    private static <T> T result(FutureTask<T> task) {
        try {
            return task.get();
        } catch (ExecutionException failure) {
            throw failure.getCause() instanceof AssertionError error ? error : new AssertionError(failure.getCause());
        } catch (InterruptedException interrupted) {
            throw new AssertionError("interrupted");
        }
    }

    private static void halfClose(Both both) throws IOException {
        try {
            both.mine().shutdownOutput();
        } catch (Throwable thrown) {
            both.mine().close();
            both.theirs().awaitEnd();
            throw thrown;
        }
        both.theirs().awaitEnd();
        both.theirs().send(Protocol.request(6, 6));
        both.mine().reader().skip(Protocol.LENGTH);
    }

    private void adopt(Peer peer) throws IOException {
        DetachedSocket socket = detached.remove();
        Connection again;
        try {
            again = group.adopt(socket, OPTIONS);
        } catch (Throwable thrown) { // it has closed the socket
            socket.unread().close();
            peer.awaitEnd();
            throw thrown;
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

    private void close(Both both, Runnable way) {
        try {
            way.run();
        } finally {
            both.mine().close();
        }
        both.theirs().awaitEnd();
        awaitOthersLeft();
    }

    private <T extends AutoCloseable> T open(T resource) {
        synchronized (opened) {
            opened.add(resource);
        }
        return resource;
    }

    /** Waits until only the steady connections are left; it is the end that notices if more are. */
    private void awaitOthersLeft() {
        Await.within(Rig.PATIENCE, () -> group.connectionCount() == Rig.LOOPS);
    }

    private void finish() {
        synchronized (opened) {
            for (AutoCloseable resource : opened) {
                bounded("close() afterwards", () -> {
                    resource.close();
                    return null;
                });
            }
        }
        for (DetachedSocket socket : detached) {
            bounded("adopt() afterwards", () -> {
                try {
                    group.adopt(socket, OPTIONS).close();
                } catch (IOException gone) {
                    socket.unread().close();
                }
                return null;
            });
        }
        if (action == Action.GROUP_CLOSE) {
            bounded("group.close() afterwards", () -> { // it may have thrown
                group.close();
                return null;
            });
            return;
        }
        if (serverEnded) {
            return;
        }
        if (!Await.within(Rig.PATIENCE, () -> server.connectionCount() == 0)) {
            say("the server goes on counting connections: " + server.connectionCount());
        }
        if (action != Action.SHUTDOWN) {
            serveOthers();
        }
        shutDown("shutdown()", server);
        if (!Await.within(Rig.PATIENCE, () -> group.connectionCount() == Rig.LOOPS)) {
            say("connections of the group: " + group.connectionCount() + " instead of " + Rig.LOOPS);
        }
    }

    private void shutDown(String what, Server ending) {
        Boolean ended = bounded(what + " afterwards", () -> ending.shutdown(Rig.PATIENCE));
        if (Boolean.FALSE.equals(ended)) {
            say(what + " afterwards returns false");
        }
    }

    /** The others are served until the end, and all ends. */
    private void end() {
        if (action == Action.GROUP_CLOSE) {
            for (Peer peer : steady) {
                bounded("the end of others", peer::awaitEnd);
            }
        } else if (!isSteady()) {
            say("connections that were not touched are lost");
        }
        steady.forEach(Peer::close);
        if (action != Action.GROUP_CLOSE) {
            shutDown("shutdown() of the other server", steadyServer);
        }
        long begin = System.nanoTime();
        bounded("group.close() afterwards", () -> {
            group.close();
            return null;
        });
        if (System.nanoTime() - begin > Rig.PATIENCE.toNanos()) {
            say("group.close() afterwards takes too long");
        }
        if (action == Action.GROUP_CLOSE) {
            bounded("shutdown() after the group's end", () -> server.shutdown(Rig.PATIENCE));
            bounded("shutdown() after the group's end", () -> steadyServer.shutdown(Rig.PATIENCE));
        }
    }

    /** {@return whether the connections that nothing was done to are served} */
    private boolean isSteady() {
        for (Peer peer : steady) {
            try {
                if (peer.echo() != Peer.Outcome.ALL) {
                    return false;
                }
            } catch (AssertionError silence) {
                return false;
            }
        }
        return true;
    }

    private void serveOthers() {
        for (int i = 0; i < Rig.LOOPS; i++) {
            try (Peer next = Peer.connect(address, 0)) {
                if (next.echo() != Peer.Outcome.ALL) {
                    say("the next client is not served");
                }
            } catch (IOException failure) {
                say("the next client cannot connect: " + failure);
            } catch (AssertionError silence) {
                say("the next client is not answered");
            }
        }
        bounded("the next dial", () -> {
            try {
                dialAndAsk();
            } catch (Exception failure) {
                say("the next dial fails: " + failure.getClass().getSimpleName());
            }
            return null;
        });
        Await.within(Rig.PATIENCE, () -> server.connectionCount() == 0);
    }

    /** A dial, a request, an answer. */
    private void dialAndAsk() throws IOException {
        try (Connection connection = dialer().dial(address, Rig.PATIENCE)) {
            connection.setReadTimeout(Rig.PATIENCE);
            connection.writer().writeBytes(Protocol.request(Protocol.ECHO, 7)).flush();
            connection.reader().skip(Protocol.LENGTH);
        }
    }

    private void say(String effect) {
        synchronized (effects) {
            if (!effects.contains(effect)) {
                effects.add(effect);
            }
        }
    }

    /** Calls on a virtual thread that is given up if it hangs; what it throws is fine unless it is an assertion. */
    private <T> T bounded(String what, Callable<T> call) {
        FutureTask<T> task = new FutureTask<>(call);
        Thread thread = Thread.ofVirtual().name("user").start(task);
        try {
            return task.get(4 * Rig.PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException hangs) {
            say(what + " hangs at " + top(thread.getStackTrace()));
            thread.interrupt();
        } catch (ExecutionException failure) {
            if (failure.getCause() instanceof AssertionError error) {
                say(error.getMessage() == null ? "assertion: " + top(error.getStackTrace()) : error.getMessage());
            }
        } catch (InterruptedException interrupted) {
            throw new AssertionError("interrupted", interrupted);
        }
        return null;
    }

    private static String top(StackTraceElement[] stack) {
        for (StackTraceElement frame : stack) {
            if (frame.getClassName().startsWith("dev.netpoll.")) {
                return frame.getClassName().substring(frame.getClassName().lastIndexOf('.') + 1) + "#"
                        + frame.getMethodName() + ":" + frame.getLineNumber();
            }
        }
        return stack.length == 0 ? "nothing" : stack[0].toString();
    }
}
