// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults.scenario;

import dev.netpoll.Connection;
import dev.netpoll.ReadTimeoutException;
import dev.netpoll.conformance.faults.Action;
import dev.netpoll.conformance.faults.scenario.Stage.Both;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** The actions: what is there before, and what is done then. */
final class Deeds {
    private static final Duration SHORTLY = Duration.ofMillis(5);
    private static final int SMALL = 1000;
    private static final int LARGE = 1 << 20;

    private final Stage stage;

    Deeds(Stage stage) {
        this.stage = stage;
    }

    /** Prepares it; {@return what to do while the fault strikes} */
    Act prepare(Action action) throws IOException {
        return switch (action) {
            case CONNECT -> this::connect;
            case ACCEPT -> () -> stage.open(Peer.connect(stage.address, 0)).echo();
            case CALLBACKS -> this::comeAndGo;
            case LARGE_ANSWER, EARLY_DETACH -> ofServer(action, stage.connected(Stage.SMALL_BUFFER));
            case REQUEST, PEER_HALF_CLOSE, HANDLER_DETACH, HANDLER_CLOSE, PEER_RESET, SHUTDOWN ->
                ofServer(action, stage.connected(0));
            case FLUSH, LARGE_FLUSH, READ_TIMEOUT, HALF_CLOSE, DETACH, CLOSE, ABORT -> ofClient(action, stage.dialed());
            case GROUP_CLOSE -> ofGroup(stage.connected(0), stage.dialed());
        };
    }

    private void connect() throws IOException {
        Connection dialed = stage.open(stage.dialer().dial(stage.listener.getLocalSocketAddress(), Rig.PATIENCE));
        Stage.talk(dialed, stage.open(Peer.accept(stage.listener)));
    }

    private void comeAndGo() throws IOException {
        try (Peer peer = Peer.connect(stage.address, 0)) {
            peer.echo();
        }
        stage.awaitOthersLeft();
    }

    private Act ofServer(Action action, Peer peer) {
        return switch (action) {
            case REQUEST -> peer::echo;
            case LARGE_ANSWER ->
                () -> {
                    peer.ask(Protocol.LARGE, LARGE);
                    peer.await(Protocol.content(LARGE));
                };
            case PEER_HALF_CLOSE ->
                () -> {
                    peer.ask(Protocol.ECHO, 0);
                    peer.finish();
                    if (peer.await(Protocol.request(Protocol.ECHO, 0)) == Peer.Outcome.ALL) {
                        peer.awaitEnd();
                    }
                    stage.awaitOthersLeft();
                };
            case HANDLER_DETACH ->
                () -> {
                    peer.ask(Protocol.DETACH, 0);
                    Await.within(Rig.PATIENCE, () -> stage.detachEnded);
                    if (stage.detached.isEmpty()) {
                        peer.awaitEnd();
                    } else {
                        stage.adopt(peer);
                    }
                };
            case EARLY_DETACH ->
                () -> {
                    peer.ask(Protocol.EARLY_DETACH, LARGE);
                    if (peer.await(Protocol.content(LARGE)) == Peer.Outcome.ALL) {
                        Await.within(Rig.PATIENCE, () -> stage.detachEnded);
                    }
                    if (!stage.detached.isEmpty()) {
                        stage.adopt(peer);
                    }
                };
            case HANDLER_CLOSE ->
                () -> {
                    peer.ask(Protocol.CLOSE, 0);
                    peer.awaitEnd();
                    stage.awaitOthersLeft();
                };
            case PEER_RESET ->
                () -> {
                    peer.reset();
                    stage.awaitOthersLeft();
                };
            default ->
                () -> {
                    if (!stage.server.shutdown(Rig.PATIENCE)) {
                        stage.effects.say("shutdown() returns false");
                    }
                    peer.awaitEnd();
                };
        };
    }

    private Act ofClient(Action action, Both both) throws IOException {
        return switch (action) {
            case FLUSH -> () -> flush(both, SMALL);
            case LARGE_FLUSH -> {
                both.mine().setOption(StandardSocketOptions.SO_SNDBUF, Stage.SMALL_BUFFER);
                yield () -> flush(both, LARGE);
            }
            case READ_TIMEOUT -> () -> read(both);
            case HALF_CLOSE -> () -> halfClose(both);
            case DETACH ->
                () -> {
                    stage.detached.add(both.mine().detach());
                    stage.adopt(both.theirs());
                };
            case CLOSE -> () -> close(both, both.mine()::close);
            default -> () -> close(both, both.mine()::abort);
        };
    }

    private Act ofGroup(Peer peer, Both both) {
        return () -> {
            long begin = System.nanoTime();
            stage.group.close();
            if (System.nanoTime() - begin > Rig.PATIENCE.toNanos()) {
                stage.effects.say("group.close() takes too long");
            }
            peer.awaitEnd();
            both.theirs().awaitEnd();
        };
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
            stage.effects.say("a flush succeeds, and the peer finds the stream ended");
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

    private static void read(Both both) throws IOException {
        both.mine().setReadTimeout(SHORTLY);
        try {
            both.mine().reader().readLong();
        } catch (ReadTimeoutException inVain) {
            both.theirs().send(Protocol.request(6, 6));
            both.mine().setReadTimeout(Rig.PATIENCE);
            both.mine().reader().skip(Protocol.LENGTH);
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

    private void close(Both both, Runnable way) {
        try {
            way.run();
        } finally {
            both.mine().close();
        }
        both.theirs().awaitEnd();
        stage.awaitOthersLeft();
    }
}
