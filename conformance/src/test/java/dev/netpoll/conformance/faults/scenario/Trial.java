// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults.scenario;

import dev.netpoll.Connection;
import dev.netpoll.Server;
import dev.netpoll.conformance.faults.Action;
import dev.netpoll.conformance.faults.Arming;
import dev.netpoll.conformance.faults.Faults;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.time.Duration;
import java.util.List;

/** One action while a fault strikes, and what must hold afterwards. The calling thread only. */
final class Trial {
    private static final Duration MOMENT = Duration.ofMillis(2);

    private final Action action;
    private final Stage stage;
    private final Effects effects;

    Trial(Rig rig, Action action) throws IOException {
        this.action = action;
        stage = new Stage(rig, action);
        effects = stage.effects;
    }

    /** Does it; {@return what was wrong} */
    List<String> run(Arming arming) throws IOException {
        try (stage) {
            Act act = new Deeds(stage).prepare(action);
            Await.until("handlers return", () -> stage.handling.get() == 0);
            Await.within(MOMENT, () -> false); // and what they leave behind is tidied up
            Faults.arm(arming);
            try {
                effects.bounded("the action", act);
            } finally {
                Faults.disarm();
            }
            stage.closeOpened();
            stage.adoptLeftOver();
            if (action == Action.GROUP_CLOSE) {
                closeGroup(); // again, as it may have thrown
            } else {
                endServer();
            }
        }
        end();
        return effects.list();
    }

    /** Others are served by the server, which then ends. */
    private void endServer() {
        if (!Await.within(Rig.PATIENCE, () -> stage.server.connectionCount() == 0)) {
            effects.say("the server goes on counting connections: " + stage.server.connectionCount());
        }
        if (action != Action.SHUTDOWN) {
            serveOthers();
        }
        shutDown("shutdown()", stage.server);
        if (!Await.within(Rig.PATIENCE, () -> stage.group.connectionCount() == Rig.LOOPS)) {
            effects.say("connections of the group: " + stage.group.connectionCount() + " instead of " + Rig.LOOPS);
        }
    }

    private void shutDown(String what, Server ending) {
        Boolean ended = effects.bounded(what + " afterwards", () -> ending.shutdown(Rig.PATIENCE));
        if (Boolean.FALSE.equals(ended)) {
            effects.say(what + " afterwards returns false");
        }
    }

    /** The others are served until the end, and all ends. */
    private void end() {
        boolean grouped = action == Action.GROUP_CLOSE;
        if (grouped) {
            for (Peer peer : stage.steady) {
                effects.bounded("the end of others", (Act) peer::awaitEnd);
            }
        } else if (!isSteady()) {
            effects.say("connections that were not touched are lost");
        }
        stage.adoptLeftOver();
        stage.steady.forEach(Peer::close);
        if (!grouped) {
            shutDown("shutdown() of the other server", stage.steadyServer);
        }
        closeGroup();
        if (grouped) {
            effects.bounded("shutdown() after the group's end", () -> stage.server.shutdown(Rig.PATIENCE));
            effects.bounded("shutdown() after the group's end", () -> stage.steadyServer.shutdown(Rig.PATIENCE));
        }
    }

    private void closeGroup() {
        long begin = System.nanoTime();
        effects.bounded("group.close() afterwards", (Act) stage.group::close);
        if (System.nanoTime() - begin > Rig.PATIENCE.toNanos()) {
            effects.say("group.close() afterwards takes too long");
        }
    }

    /** {@return whether the connections that nothing was done to are served} */
    private boolean isSteady() {
        for (Peer peer : stage.steady) {
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
            try (Peer next = Peer.connect(stage.address, 0)) {
                if (next.echo() != Peer.Outcome.ALL) {
                    effects.say("the next client is not served");
                }
            } catch (IOException failure) {
                effects.say("the next client cannot connect: " + failure);
            } catch (AssertionError silence) {
                effects.say("the next client is not answered");
            }
        }
        effects.bounded("the next dial", (Act) () -> {
            try {
                dialAndAsk();
            } catch (Exception failure) {
                effects.say("the next dial fails: " + failure.getClass().getSimpleName());
            }
        });
        Await.within(Rig.PATIENCE, () -> stage.server.connectionCount() == 0);
    }

    /** A dial, a request, an answer. */
    private void dialAndAsk() throws IOException {
        try (Connection connection = stage.dialer().dial(stage.address, Rig.PATIENCE)) {
            connection.setReadTimeout(Rig.PATIENCE);
            connection.writer().writeBytes(Protocol.request(Protocol.ECHO, 7)).flush();
            connection.reader().skip(Protocol.LENGTH);
        }
    }
}
