// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import dev.netpoll.benchmarks.rpc.report.HtmlReport;
import dev.netpoll.benchmarks.rpc.report.Results;
import dev.netpoll.benchmarks.rpc.report.Results.Test;
import dev.netpoll.benchmarks.rpc.report.ResultsFile;
import dev.netpoll.benchmarks.rpc.report.TextReport;
import java.io.Console;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code netpoll bench}. Exit status: 0 when all was measured and every answer was right, 1 when not, 2 for a usage
 * error,
 * which is one line on standard error.
 */
@Command(
        name = "netpoll bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Compares RPC servers, or clients: echo of frames over TCP on the loopback interface.",
            "Each peer runs in a process of its own. All are warmed up, then measured in turns, round after round;"
                    + " what counts are ratios within a round, their median and their spread."
        })
final class BenchCommand implements Callable<Integer> {
    static final List<Integer> CONNECTIONS = List.of(100, 500, 1000);
    static final List<Integer> CONNECTIONS_QUICK = List.of(100, 1000);
    static final List<Integer> IDLE_STEPS = List.of(0, 1000, 5000, 10000);

    private static final DateTimeFormatter DIRECTORY = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT);

    @Option(
            names = "--quick",
            description = "A believable answer in less than 3 minutes: few peers, 3 short rounds, servers and clients.")
    boolean quick;

    @Option(
            names = "--test",
            paramLabel = "TEST",
            description = "server (many servers, one load generator), client (many clients, one server), or both."
                    + " Default: server; both with --quick.")
    @Nullable
    TestChoice test;

    @Option(
            names = "--scenario",
            split = ",",
            paramLabel = "N",
            defaultValue = "1",
            description = "1: a connection for each caller; 2: the same beside four times as many idle connections;"
                    + " 3: multiplexing. Default: ${DEFAULT-VALUE}.")
    List<Integer> scenarios = List.of();

    @Option(
            names = "--peers",
            split = ",",
            paramLabel = "NAME",
            description = "Which to measure, or 'all'. With --test both, a name counts in the tests that know it."
                    + " --list shows the names.")
    List<String> peers = List.of();

    @Option(
            names = "--peer",
            paramLabel = "NAME=COMMAND",
            description = "An outside server that speaks the same frames; {port} in its command is where it has to"
                    + " listen on 127.0.0.1. May be given several times.")
    Map<String, String> outside = new LinkedHashMap<>();

    @Option(
            names = "--connections",
            split = ",",
            paramLabel = "N",
            description = "Callers, each with a connection. Default: 100,500,1000; 100,1000 with --quick.")
    List<Integer> connections = List.of();

    @Option(
            names = "--payload",
            split = ",",
            paramLabel = "SIZE",
            defaultValue = "1024",
            converter = Arguments.Size.class,
            description = "Bytes of a request, K and M may follow, up to 16M. Default: ${DEFAULT-VALUE}.")
    List<Integer> payloads = List.of();

    @Option(
            names = "--pipeline",
            paramLabel = "N",
            defaultValue = "1",
            description = "Requests in flight on a connection (servers only). Default: ${DEFAULT-VALUE}.")
    int pipeline;

    @Option(
            names = "--rate",
            paramLabel = "N",
            defaultValue = "0",
            description =
                    "Open loop: so many requests per second in all, each timed from when it was due (servers only).")
    double rate;

    @Option(
            names = "--open-loop",
            paramLabel = "SHARE",
            converter = Arguments.Share.class,
            description =
                    "After the closed loop, ours meets each peer in an open loop at this share, such as 70%%, of the"
                        + " slower one's peak (servers only). With --quick: 70%%, and only the best peer on the JVM.")
    @Nullable
    Double openLoop;

    @Option(
            names = "--block-share",
            paramLabel = "SHARE",
            converter = Arguments.Share.class,
            defaultValue = "0",
            description =
                    "Share of the requests, such as 1%%, whose handler blocks. The same without is measured, too.")
    double blockShare;

    @Option(names = "--block-ms", paramLabel = "MS", defaultValue = "100", description = "How long it blocks.")
    double blockMillis;

    @Option(
            names = "--burn-share",
            paramLabel = "SHARE",
            converter = Arguments.Share.class,
            defaultValue = "0",
            description = "Share of the requests whose handler keeps the processor busy.")
    double burnShare;

    @Option(names = "--burn-ms", paramLabel = "MS", defaultValue = "10", description = "How long it does.")
    double burnMillis;

    @Option(names = "--rounds", paramLabel = "N", description = "Default: 5; 3 with --quick.")
    @Nullable
    Integer rounds;

    @Option(
            names = "--forks",
            paramLabel = "N",
            defaultValue = "1",
            description = "Repeats everything with fresh processes. Default: ${DEFAULT-VALUE}.")
    int forks;

    @Option(names = "--seconds", paramLabel = "S", description = "Measured in each run. Default: 3; 1.25 with --quick.")
    @Nullable
    Double seconds;

    @Option(
            names = "--warmup",
            paramLabel = "S",
            description = "Warm-up of each process, at least 20,000 requests. Default: 6; 3 with --quick.")
    @Nullable
    Double warmup;

    @Option(
            names = "--timeout-ms",
            paramLabel = "MS",
            defaultValue = "5000",
            description = "A request without an answer for so long fails the run. Default: ${DEFAULT-VALUE}.")
    int timeoutMillis;

    @Option(
            names = "--idle",
            split = ",",
            paramLabel = "N",
            description = "Idle connections at which the memory of fresh servers is looked at; 0 alone: not at all."
                    + " Default: 0,1000,5000,10000; not with --quick.")
    List<Integer> idle = List.of();

    @Option(names = "--no-pin", description = "Do not pin servers and load to different processors.")
    boolean noPin;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Where results.json and report.html go. Default: target/bench/DATE-TIME.")
    @Nullable
    Path out;

    @Option(
            names = "--report",
            paramLabel = "FILE.json",
            description = "Measures nothing: makes table and page of earlier results again.")
    @Nullable
    Path report;

    @Option(names = "--list", description = "Shows what can be measured.")
    boolean list;

    @Spec
    @Nullable
    CommandSpec spec;

    private final Catalog catalog;
    private final String arguments;

    /** Values of --test. */
    enum TestChoice {
        SERVER,
        CLIENT,
        BOTH
    }

    BenchCommand(Catalog catalog, String arguments) {
        this.catalog = catalog;
        this.arguments = arguments;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (list) {
            list("servers", catalog.servers());
            list("clients", catalog.clients());
            return ExitCode.OK;
        }
        if (report != null) {
            return remake(report);
        }
        Plan plan = new Planner(this, catalog).plan();
        Path directory = directory();
        Path scratch = Files.createTempDirectory("netpoll-bench");
        Progress progress = new Progress(err(), isTerminal());
        Bench bench = new Bench(plan, catalog, progress, scratch);
        @Nullable String failure = null;
        try {
            if (quick) {
                bench.note(QUICK_NOTE);
            }
            bench.run();
        } catch (BenchFailure | CannotRun e) {
            failure = String.valueOf(e.getMessage());
        } finally {
            delete(scratch);
        }
        Results results = bench.results(failure);
        if (failure == null || !results.runs().isEmpty()) {
            TextReport.print(results, out());
            write(results, directory);
        }
        if (failure != null) {
            err().println("netpoll bench: " + failure);
            return ExitCode.SOFTWARE;
        }
        return ExitCode.OK;
    }

    private static final String QUICK_NOTE =
            "--quick leaves out: most peers, 500 connections, memory of idle connections, scenario 2, open loops"
                    + " against any but the best peer; rounds are few and short, so look at the spread";

    private int remake(Path file) throws IOException {
        Results results;
        try {
            results = ResultsFile.read(file);
        } catch (IOException e) {
            throw mistake("--report " + file + ": can't be read: " + firstLine(e));
        }
        TextReport.print(results, out());
        Path page = out == null
                ? file.resolveSibling("report.html")
                : createDirectory(out).resolve("report.html");
        HtmlReport.write(results, page);
        out().println("page: " + page);
        out().flush();
        return ExitCode.OK;
    }

    private void write(Results results, Path directory) throws IOException {
        Path json = directory.resolve("results.json");
        Path page = directory.resolve("report.html");
        ResultsFile.write(results, json);
        HtmlReport.write(results, page);
        out().println("data: " + json);
        out().println("page: " + page);
        out().flush();
    }

    private Path directory() throws IOException {
        if (out != null) {
            return createDirectory(out);
        }
        String root = System.getProperty("netpoll.root", "");
        String name = LocalDateTime.now(ZoneId.systemDefault()).format(DIRECTORY);
        return createDirectory(Path.of(root, "target", "bench", name).toAbsolutePath());
    }

    private Path createDirectory(Path directory) {
        try {
            return Files.createDirectories(directory);
        } catch (IOException e) {
            throw mistake("--out " + directory + ": can't be made: " + firstLine(e));
        }
    }

    private void list(String title, List<Candidate> candidates) {
        out().println(title + ":");
        candidates.forEach(candidate ->
                out().printf("  %-24s %-10s %s%n", candidate.name(), candidate.kind(), candidate.description()));
        out().flush();
    }

    String commandLine() {
        return ("./netpoll bench " + arguments).strip();
    }

    List<Test> tests() {
        TestChoice choice = test != null ? test : quick ? TestChoice.BOTH : TestChoice.SERVER;
        return switch (choice) {
            case SERVER -> List.of(Test.SERVER);
            case CLIENT -> List.of(Test.CLIENT);
            case BOTH -> List.of(Test.SERVER, Test.CLIENT);
        };
    }

    /** A usage error. */
    ParameterException mistake(String message) {
        return new ParameterException(requireSpec().commandLine(), message);
    }

    private PrintWriter out() {
        return requireSpec().commandLine().getOut();
    }

    private PrintWriter err() {
        return requireSpec().commandLine().getErr();
    }

    private CommandSpec requireSpec() {
        if (spec == null) {
            throw new IllegalStateException("picocli sets this");
        }
        return spec;
    }

    private static boolean isTerminal() {
        return Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
    }

    private static String firstLine(IOException e) {
        return String.valueOf(e).lines().findFirst().orElse("");
    }

    private static void delete(Path directory) throws IOException {
        List<Path> files = new ArrayList<>();
        try (var found = Files.list(directory)) {
            found.forEach(files::add);
        }
        for (Path file : files) {
            Files.delete(file);
        }
        Files.delete(directory);
    }
}
