// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults.scenario;

import dev.netpoll.Backend;
import dev.netpoll.Connection;
import dev.netpoll.Dialer;
import dev.netpoll.Dispatch;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.conformance.faults.Action;
import dev.netpoll.conformance.faults.Arming;
import dev.netpoll.conformance.faults.Subject;
import dev.netpoll.conformance.support.Await;
import dev.netpoll.conformance.support.ProcessState;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * A group of two loops with a server and one connection on each loop that no fault is meant for. Trials use the group;
 * it is replaced when one of them went wrong.
 */
final class Rig implements Subject {
    /** How long anything may take that must happen. */
    static final Duration PATIENCE = Duration.ofMillis(Integer.getInteger("faults.patience", 4000));

    static final int LOOPS = 2;

    private final Backend backend;
    private final Dispatch dispatch;
    private final Queue<String> uncaught = new ConcurrentLinkedQueue<>();
    private final List<Peer> steady = new ArrayList<>();
    private EventLoopGroup group;
    private Server server;
    private ProcessState before;

    Rig(String backend, String dispatch) throws Exception {
        this.backend = Backend.valueOf(backend);
        this.dispatch = switch (dispatch) {
            case "ADAPTIVE" -> Dispatch.adaptive();
            case "VIRTUAL" -> Dispatch.virtual();
            default -> Dispatch.inline();
        };
        ProcessState.openWhatTheJdkKeeps();
        open();
        // What is made once is made before anything is counted.
        for (Action action : Action.values()) {
            for (int i = 0; i < 2; i++) {
                new Trial(this, action).run(Arming.NONE);
            }
        }
        reopen(new ArrayList<>());
    }

    EventLoopGroup newGroup() {
        return EventLoopGroup.builder().backend(backend).loops(LOOPS).build();
    }

    EventLoopGroup group() {
        return group;
    }

    Dispatch dispatch() {
        return dispatch;
    }

    static SocketAddress anyPort() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    private void open() throws IOException {
        group = newGroup();
        server = Server.builder()
                .group(group)
                .dispatch(dispatch)
                .onRequest(new Protocol(null)::handle)
                .build();
        SocketAddress address = server.listen(anyPort());
        while (steady.size() < LOOPS) {
            Peer peer = Peer.connect(address, 0);
            steady.add(peer);
            if (peer.echo() != Peer.Outcome.ALL) {
                throw new IOException("no echo");
            }
        }
    }

    @Override
    public List<String> run(Action action, Arming arming) throws Exception {
        uncaught.clear();
        Thread.UncaughtExceptionHandler outer = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, error) -> uncaught.add(
                "thread " + kind(thread.getName()) + " dies of " + error.getClass().getSimpleName()));
        List<String> effects;
        before = ProcessState.now();
        try {
            effects = new Trial(this, action).run(arming);
            lookAround(effects);
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(outer);
        }
        if (!effects.isEmpty()) {
            reopen(effects);
        }
        return effects;
    }

    private static String kind(String name) {
        return name.replaceAll("netpoll-\\d+-", "").replaceAll("-\\d+", "");
    }

    /** {@return whether the connections that nothing was done to are served} */
    boolean isSteady() {
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

    private void lookAround(List<String> effects) {
        if (!isSteady()) {
            effects.add("connections that were not touched are lost");
        } else {
            if (!Await.within(PATIENCE, () -> isSteady() && isBack(3))) {
                System.gc(); // what a connection left behind comes back when that is unreachable
                if (!Await.within(PATIENCE, () -> isSteady() && isBack(0))) {
                    ProcessState now = ProcessState.now();
                    describe(now, effects);
                }
            }
            if (group.connectionCount() != LOOPS) {
                effects.add("connections stay: " + (group.connectionCount() - LOOPS));
            }
        }
        effects.addAll(uncaught.stream().distinct().toList());
    }

    private boolean isBack(int unused) {
        ProcessState now = ProcessState.now();
        return now.descriptorCount() <= before.descriptorCount()
                && now.threads().size() <= before.threads().size()
                && now.blocks() <= before.blocks()
                && group.connectionCount() == LOOPS;
    }

    private void describe(ProcessState now, List<String> effects) {
        if (now.descriptorCount() > before.descriptorCount()) {
            effects.add("descriptors leak: " + (now.descriptorCount() - before.descriptorCount()));
        }
        if (now.blocks() > before.blocks()) {
            effects.add("blocks leak: " + (now.blocks() - before.blocks()));
        }
        if (now.threads().size() > before.threads().size()) {
            effects.add("threads stay: "
                    + now.threads().stream()
                            .filter(name -> !before.threads().contains(name))
                            .map(Rig::kind)
                            .toList());
        }
    }

    /** Ends the group and makes another. */
    private void reopen(List<String> effects) throws IOException {
        end(effects);
        open();
        if (!isSteady()) {
            throw new IOException("a new group does not serve");
        }
    }

    private void end(List<String> effects) {
        steady.forEach(Peer::close);
        steady.clear();
        long begin = System.nanoTime();
        try {
            if (!server.shutdown(PATIENCE)) {
                effects.add("afterwards shutdown() of the other server returns false");
            }
            begin = System.nanoTime();
            group.close();
        } catch (RuntimeException | Error failure) {
            effects.add("afterwards the end fails: " + failure);
        }
        if (System.nanoTime() - begin > PATIENCE.toNanos()) {
            effects.add("afterwards group.close() takes too long");
        }
        if (!Await.within(PATIENCE, () -> ProcessState.liveLoops().isEmpty())) {
            effects.add("afterwards threads stay: "
                    + ProcessState.liveLoops().stream().map(Rig::kind).toList());
        }
    }

    /** A dial, a request, an answer. */
    void dialAndAsk(SocketAddress address) throws IOException {
        try (Connection connection = Dialer.builder()
                .group(group)
                .dispatch(dispatch)
                .build()
                .dial(address, PATIENCE)) {
            connection.setReadTimeout(PATIENCE);
            connection.writer().writeBytes(Protocol.request(Protocol.ECHO, 7)).flush();
            connection.reader().skip(Protocol.LENGTH);
        }
    }

    @Override
    public void close() {
        List<String> effects = new ArrayList<>();
        end(effects);
        if (!effects.isEmpty()) {
            throw new AssertionError(effects.toString());
        }
    }
}
