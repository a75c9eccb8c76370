// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * A server or a client that can be measured.
 *
 * @param announces whether it prints {@code LISTENING port}, and ends at the end of its input
 * @param answersStats whether it answers {@code stats}
 */
record Candidate(String name, String kind, String description, boolean announces, boolean answersStats, Start start) {
    /** How its process is started. */
    @FunctionalInterface
    interface Start {
        /**
         * The command.
         *
         * @param scratch a directory for what has to be made first
         * @param port a free port, for one that does not choose it itself
         * @throws CannotRun if it can't run on this machine
         */
        List<String> command(Path scratch, int port) throws IOException, InterruptedException;
    }
}
