// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.tidy;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** Rules that look at one line at a time, comments included. */
final class TextRules {
    private static final int COLUMNS_MAX = 120;

    private static final List<String> HEADER =
            List.of("// SPDX-License-Identifier: Apache-2.0", "// Copyright The Netpoll for Java Authors");

    private static final Set<String> REMINDERS = Set.of("TODO", "FIXME");
    private static final Pattern COMMENT = Pattern.compile("(?://|^\\s*/?\\*)(.*)");
    private static final Pattern WORD_BREAK = Pattern.compile("\\W+");
    private static final Pattern ISSUE = Pattern.compile("#\\d+");

    private TextRules() {}

    static List<Finding> check(SourceFile file) {
        List<Finding> findings = new ArrayList<>();
        List<String> lines = file.lines();
        if (lines.size() < HEADER.size() || !lines.subList(0, HEADER.size()).equals(HEADER)) {
            findings.add(Finding.at(file, 1, "start the file with the two lines: " + String.join(" / ", HEADER)));
        }
        for (int i = 0; i < lines.size(); i++) {
            checkLine(file, i + 1, lines.get(i), findings);
        }
        return findings;
    }

    private static void checkLine(SourceFile file, int number, String line, List<Finding> findings) {
        if (line.indexOf('\t') >= 0) {
            findings.add(Finding.at(file, number, "tab; indent with spaces, and write \\t in a literal"));
        }
        if (!line.equals(line.stripTrailing())) {
            findings.add(Finding.at(file, number, "white space at the end of the line"));
        }
        if (line.codePointCount(0, line.length()) > COLUMNS_MAX) {
            findings.add(Finding.at(file, number, "longer than " + COLUMNS_MAX + " columns"));
        }
        if (isReminderWithoutIssue(line)) {
            findings.add(Finding.at(file, number, "name the issue (#12) that will settle this, or do it now"));
        }
    }

    private static boolean isReminderWithoutIssue(String line) {
        return COMMENT.matcher(line)
                .results()
                .map(comment -> comment.group(1))
                .anyMatch(comment -> WORD_BREAK.splitAsStream(comment).anyMatch(REMINDERS::contains)
                        && !ISSUE.matcher(comment).find());
    }
}
