// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import java.io.PrintWriter;

/** Says what goes on: on one line that changes in a terminal, else on a line for each step. */
final class Progress {
    private static final String CLEAR = "\r\u001b[K";

    private final PrintWriter out;
    private final boolean terminal;
    private String step = "";

    Progress(PrintWriter out, boolean terminal) {
        this.out = out;
        this.terminal = terminal;
    }

    /** Begins a step. */
    void step(String text) {
        step = text;
        if (terminal) {
            out.print(CLEAR + text);
        } else {
            out.println(text);
        }
        out.flush();
    }

    /** Something about the step that changes; only shown in a terminal. */
    void detail(String text) {
        if (terminal) {
            out.print(CLEAR + step + " " + text);
            out.flush();
        }
    }

    /** A line that stays. */
    void say(String text) {
        out.println(terminal ? CLEAR + text : text);
        out.flush();
    }

    /** Nothing goes on any more. */
    void end() {
        if (terminal) {
            out.print(CLEAR);
            out.flush();
        }
    }
}
