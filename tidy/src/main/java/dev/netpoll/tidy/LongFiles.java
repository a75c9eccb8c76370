// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.tidy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The length of files: a limit that a listed reason may exceed, and one that nothing may. */
record LongFiles(Map<String, String> reasons) {
    static final String LIST = "config/long-files.txt";

    private static final int LINES_UNLISTED_MAX = 400;
    private static final int LINES_MAX = 800;

    /** Reads lines of a path and a reason; empty ones and those that start with {@code #} say nothing. */
    static LongFiles parse(String list) {
        Map<String, String> reasons = new TreeMap<>();
        list.lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty() && !line.startsWith("#"))
                .forEach(line -> {
                    int end = line.indexOf(' ');
                    reasons.put(
                            end < 0 ? line : line.substring(0, end),
                            end < 0 ? "" : line.substring(end).strip());
                });
        return new LongFiles(reasons);
    }

    List<Finding> check(List<SourceFile> files) {
        List<Finding> findings = new ArrayList<>();
        Map<String, String> unused = new TreeMap<>(reasons);
        for (SourceFile file : files) {
            int lines = file.lineCount();
            if (lines <= LINES_UNLISTED_MAX) {
                continue;
            }
            String reason = unused.remove(file.path());
            if (lines > LINES_MAX) {
                findings.add(Finding.at(file, lines, lines + " lines, more than " + LINES_MAX + "; split it"));
            } else if (reason == null || reason.isEmpty()) {
                String remedy = "; split it, or give the reason in " + LIST;
                findings.add(Finding.at(file, lines, lines + " lines, more than " + LINES_UNLISTED_MAX + remedy));
            }
        }
        unused.keySet().forEach(path -> findings.add(new Finding(LIST, 1, path + " is not long; remove its entry")));
        return findings;
    }
}
