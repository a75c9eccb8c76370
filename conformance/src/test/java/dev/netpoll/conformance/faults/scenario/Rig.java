// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults.scenario;

import dev.netpoll.Backend;
import dev.netpoll.Dispatch;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.conformance.faults.Action;
import dev.netpoll.conformance.faults.Arming;
import dev.netpoll.conformance.faults.Subject;
import dev.netpoll.testkit.Await;
import dev.netpoll.testkit.internal.ProcessState;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** Runs trials, and looks at what is left of them in the process. */
final class Rig implements Subject {
    /** How long anything may take that must happen. */
    static final Duration PATIENCE = Duration.ofMillis(Integer.getInteger("faults.patience", 4000));

    static final int LOOPS = 2;

    private final Backend backend;
    private final Dispatch dispatch;
    private final Queue<String> uncaught = new ConcurrentLinkedQueue<>();

    Rig(String backend, String dispatch) throws IOException {
        this.backend = Backend.of(backend);
        this.dispatch = switch (dispatch) {
            case "ADAPTIVE" -> Dispatch.adaptive();
            case "VIRTUAL" -> Dispatch.virtual();
            default -> Dispatch.inline();
        };
        newGroup().close(); // throws if there is no such backend
        ProcessState.openWhatTheJdkKeeps();
    }

    EventLoopGroup newGroup() {
        return EventLoopGroup.builder().backend(backend).loops(LOOPS).build();
    }

    Dispatch dispatch() {
        return dispatch;
    }

    static SocketAddress anyPort() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    @Override
    public List<String> run(Action action, Arming arming) throws Exception {
        uncaught.clear();
        Thread.UncaughtExceptionHandler outer = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, error) -> uncaught.add("thread " + kind(thread.getName())
                + " dies of " + error.getClass().getSimpleName()));
        List<String> effects;
        ProcessState before = ProcessState.now();
        try {
            effects = new Trial(this, action).run(arming);
            lookForLeaks(before, effects);
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(outer);
        }
        effects.addAll(uncaught.stream().distinct().toList());
        return effects;
    }

    private static String kind(String name) {
        return name.replaceAll("netpoll-\\d+-", "").replaceAll("-\\d+", "");
    }

    private static void lookForLeaks(ProcessState before, List<String> effects) {
        if (Await.within(PATIENCE.dividedBy(4), () -> isBack(before))) {
            return;
        }
        System.gc(); // what a connection left behind comes back when that is unreachable
        if (Await.within(PATIENCE, () -> isBack(before))) {
            return;
        }
        ProcessState now = ProcessState.now();
        if (now.descriptorCount() > before.descriptorCount()) {
            effects.add("descriptors leak: " + (now.descriptorCount() - before.descriptorCount()));
        }
        if (now.blocks() != before.blocks()) {
            effects.add("blocks leak: " + (now.blocks() - before.blocks()));
        }
        List<String> threads = now.threads().stream()
                .filter(name -> !before.threads().contains(name))
                .map(Rig::kind)
                .toList();
        if (!threads.isEmpty()) {
            effects.add("threads stay: " + threads);
        }
    }

    private static boolean isBack(ProcessState before) {
        return ProcessState.outstandingBlocks() == before.blocks()
                && ProcessState.now().isBackAt(before);
    }

    @Override
    public void close() {}
}
