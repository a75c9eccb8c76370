// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The places where a fault did harm, and what harm. */
final class Findings {
    private static final String TESTS = "dev.netpoll.conformance.faults.";
    private static final int FRAMES = 14;
    private static final int SHOWN = 6;

    private final Map<String, Set<String>> harm = new TreeMap<>();
    private final Map<String, String> stacks = new TreeMap<>();

    /** Notes one. {@return it as a line} */
    String add(String place, String effects, String run, @Nullable Throwable stack) {
        harm.computeIfAbsent(place, _ -> new TreeSet<>()).add(effects + " [" + run + "]");
        if (stack != null) {
            stacks.computeIfAbsent(place, _ -> describe(stack));
        }
        return run + " " + place + " | " + effects;
    }

    boolean isEmpty() {
        return harm.isEmpty();
    }

    private static String describe(Throwable stack) {
        StringBuilder text = new StringBuilder(String.valueOf(stack.getMessage()));
        int frames = 0;
        for (StackTraceElement frame : stack.getStackTrace()) {
            String name = frame.getClassName();
            boolean ours = name.startsWith(TESTS) && !name.startsWith(TESTS + "scenario.");
            if (name.startsWith("dev.netpoll.") && !ours && frames++ < FRAMES) {
                text.append("\n        ").append(Callers.describe(name, frame.getMethodName(), frame.getLineNumber()));
            }
        }
        return text.toString();
    }

    void write(Path file, String summary) throws IOException {
        try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(file))) {
            out.println(summary);
            harm.forEach((place, all) -> {
                out.println();
                out.println(place);
                all.stream().limit(SHOWN).forEach(one -> out.println("    => " + one));
                if (all.size() > SHOWN) {
                    out.println("    ... and " + (all.size() - SHOWN) + " more");
                }
                out.println("      " + stacks.getOrDefault(place, "not struck"));
            });
        }
    }
}
