// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.report;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The page: one file that needs nothing else. Its script draws what {@link Summary} found. */
public final class HtmlReport {
    private static final String TEMPLATE = "report.html";
    private static final String PLACE = "/*data*/";

    /** What the page is given: all but the runs, of which the summary tells. */
    private record Data(Results results, Summary summary) {}

    private HtmlReport() {}

    /** Writes the page. */
    public static void write(Results results, Path file) throws IOException {
        Files.writeString(file, html(results));
    }

    static String html(Results results) throws IOException {
        Results shown = new Results(
                results.format(),
                results.started(),
                results.seconds(),
                results.command(),
                results.machine(),
                results.settings(),
                results.peers(),
                results.leftOut(),
                List.of(),
                results.memory(),
                results.notes(),
                results.failure());
        // NaN is no JSON; and no text may end the script.
        String data = ResultsFile.line(new Data(shown, Summary.of(results)))
                .replace("\"NaN\"", "null")
                .replace("<", "\\u003c");
        return template().replace(PLACE, data);
    }

    private static String template() throws IOException {
        try (InputStream text = HtmlReport.class.getResourceAsStream(TEMPLATE)) {
            if (text == null) {
                throw new FileNotFoundException(TEMPLATE);
            }
            return new String(text.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
