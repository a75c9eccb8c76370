// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A process that is asked by lines and answers by lines.
 *
 * <p><b>Place:</b> made by {@link Children}, which ends it whatever happens. <b>Threads:</b> one asks; two daemons
 * read.
 * <b>Fails:</b> with {@link BenchFailure}, which tells what the process printed last, when it ends or is silent.
 */
final class Child implements AutoCloseable {
    private static final int ERRORS_KEPT = 20;
    private static final Duration PATIENCE_AT_THE_END = Duration.ofSeconds(2);
    private static final String END = "\0end";

    private final String name;
    private final Process process;
    private final Writer questions;
    private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
    private final Deque<String> errors = new ArrayDeque<>();
    private final Thread errorReader;

    Child(String name, Process process) {
        this.name = name;
        this.process = process;
        questions = process.outputWriter(StandardCharsets.UTF_8);
        Thread.ofPlatform().daemon().name(name + "-out").start(this::readAnswers);
        errorReader = Thread.ofPlatform().daemon().name(name + "-err").start(this::readErrors);
    }

    String name() {
        return name;
    }

    /** The process and what it started. */
    List<Long> pids() {
        return Stream.concat(Stream.of(process.toHandle()), process.descendants())
                .map(ProcessHandle::pid)
                .toList();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    void ask(String question) throws IOException {
        try {
            questions.write(question + "\n");
            questions.flush();
        } catch (IOException e) {
            throw ended();
        }
    }

    /** The next line on standard output. */
    String answer(Duration patience) throws IOException, InterruptedException {
        @Nullable String line = answers.poll(patience.toMillis(), TimeUnit.MILLISECONDS);
        if (line == null) {
            throw new BenchFailure(name + " said nothing for " + patience.toSeconds() + " s" + lastWords());
        }
        if (line.equals(END)) {
            answers.add(END);
            throw ended();
        }
        return line;
    }

    /** The exit status, once the process has ended. */
    Optional<Integer> exitStatus() throws InterruptedException {
        return process.waitFor(PATIENCE_AT_THE_END.toMillis(), TimeUnit.MILLISECONDS)
                ? Optional.of(process.exitValue())
                : Optional.empty();
    }

    /** The last line on standard error, or nothing. */
    String lastError() throws InterruptedException {
        errorReader.join(PATIENCE_AT_THE_END);
        synchronized (errors) {
            return errors.isEmpty() ? "" : errors.getLast();
        }
    }

    /** Asks the process to end by closing its input, and ends it if it does not. */
    @Override
    public void close() {
        try {
            questions.close();
        } catch (IOException e) {
            // It has ended already: there is nobody left to tell.
        }
        try {
            if (!process.waitFor(PATIENCE_AT_THE_END.toMillis(), TimeUnit.MILLISECONDS)) {
                kill();
                process.waitFor();
            }
        } catch (InterruptedException e) {
            kill();
            Thread.currentThread().interrupt();
        }
    }

    /** Ends it and what it started, now. */
    void kill() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    private BenchFailure ended() {
        try {
            String status = exitStatus().map(value -> "with status " + value).orElse("its output");
            lastError();
            return new BenchFailure(name + " ended " + status + lastWords());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new BenchFailure(name + " ended");
        }
    }

    private String lastWords() {
        synchronized (errors) {
            return errors.isEmpty() ? "" : "; it printed: " + String.join(" | ", errors);
        }
    }

    private void readAnswers() {
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            lines.lines().forEach(answers::add);
        } catch (IOException | UncheckedIOException e) {
            // The process was ended while it was read from; the same as the end of its output.
        }
        answers.add(END);
    }

    private void readErrors() {
        try (BufferedReader lines = process.errorReader(StandardCharsets.UTF_8)) {
            lines.lines().forEach(this::keepError);
        } catch (IOException | UncheckedIOException e) {
            // As above.
        }
    }

    private void keepError(String line) {
        synchronized (errors) {
            if (errors.size() == ERRORS_KEPT) {
                errors.removeFirst();
            }
            errors.addLast(line);
        }
    }
}
