// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.report;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Results as JSON. Unknown properties are skipped, so that an older program reads what a newer one added. */
public final class ResultsFile {
    private static final JsonMapper JSON = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .disable(JsonParser.Feature.AUTO_CLOSE_SOURCE)
            .build();

    private ResultsFile() {}

    /** Reads a file that {@link #write} wrote. */
    public static Results read(Path file) throws IOException {
        Results results = parse(Files.readString(file), Results.class);
        if (results.format() != Results.FORMAT) {
            throw new IOException("is of format " + results.format() + ", this program reads " + Results.FORMAT);
        }
        return results;
    }

    /** Writes readable JSON. */
    public static void write(Results results, Path file) throws IOException {
        Files.writeString(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(results) + "\n");
    }

    /** One value from its text. */
    public static <T> T parse(String text, Class<T> type) throws IOException {
        T value = JSON.readValue(text, type);
        if (value == null) {
            throw new IOException("holds null");
        }
        return value;
    }

    /** A value on one line. */
    public static String line(Object value) {
        try {
            return JSON.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(e);
        }
    }
}
