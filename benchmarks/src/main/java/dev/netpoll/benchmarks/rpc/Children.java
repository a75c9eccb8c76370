// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The processes of a measurement. None outlives it: neither its end, nor a failure, nor a signal. */
final class Children implements AutoCloseable {
    private final Set<Child> living = ConcurrentHashMap.newKeySet();
    private final Thread hook = new Thread(() -> living.forEach(Child::kill), "bench-end");

    Children() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** Starts a process on the given processor, or anywhere if that is negative. */
    Child start(String name, int processor, List<String> command) throws IOException {
        List<String> whole = new ArrayList<>();
        if (processor >= 0) {
            whole.addAll(List.of("taskset", "-c", Integer.toString(processor)));
        }
        whole.addAll(command);
        Child child = new Child(name, new ProcessBuilder(whole).start());
        living.add(child);
        return child;
    }

    /** Ends one. */
    void end(Child child) {
        child.close();
        living.remove(child);
    }

    /** Ends all. */
    void endAll() {
        living.forEach(this::end);
    }

    @Override
    public void close() {
        endAll();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The hook runs already.
        }
    }
}
