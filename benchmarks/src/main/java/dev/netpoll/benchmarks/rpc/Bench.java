// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import static java.util.Comparator.comparingDouble;

import dev.netpoll.benchmarks.rpc.report.Results;
import dev.netpoll.benchmarks.rpc.report.Results.Case;
import dev.netpoll.benchmarks.rpc.report.Results.LeftOut;
import dev.netpoll.benchmarks.rpc.report.Results.Memory;
import dev.netpoll.benchmarks.rpc.report.Results.Peer;
import dev.netpoll.benchmarks.rpc.report.Results.Role;
import dev.netpoll.benchmarks.rpc.report.Results.Run;
import dev.netpoll.benchmarks.rpc.report.Results.Settings;
import dev.netpoll.benchmarks.rpc.report.Results.Test;
import dev.netpoll.benchmarks.rpc.report.Results.Work;
import dev.netpoll.benchmarks.rpc.report.Spread;
import dev.netpoll.benchmarks.rpc.report.Summary;
import java.io.IOException;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Carries out a plan: starts the processes, warms them up, measures them in rounds, A B C, A B C, and collects.
 *
 * <p>What was collected until a failure can be had, too.
 */
final class Bench {
    private static final long WARMUP_REQUESTS = 20_000;
    private static final double WARMUP_MEASURED_SECONDS = 0.2;
    private static final double IDLE_SECONDS = 0.5;
    private static final double IDLE_RATE = 100;

    private final Plan plan;
    private final Catalog catalog;
    private final Progress progress;
    private final Path scratch;
    private final boolean pin;
    private final OffsetDateTime started =
            OffsetDateTime.now(ZoneId.systemDefault()).truncatedTo(ChronoUnit.SECONDS);
    private final long startedNanos = System.nanoTime();

    private final List<Peer> peers = new ArrayList<>();
    private final List<LeftOut> leftOut = new ArrayList<>();
    private final List<Run> runs = new ArrayList<>();
    private final List<Memory> memory = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();

    Bench(Plan plan, Catalog catalog, Progress progress, Path scratch) {
        this.plan = plan;
        this.catalog = catalog;
        this.progress = progress;
        this.scratch = scratch;
        pin = plan.pin() && MachineFacts.canPin();
    }

    /** Does all of it. */
    void run() throws IOException, InterruptedException {
        progress.say(String.format(Locale.ROOT, "takes about %.0f s", plan.estimatedSeconds()));
        try (Children children = new Children()) {
            Stage stage = new Stage(children, catalog, progress, scratch, pin);
            for (int fork = 1; fork <= plan.forks(); fork++) {
                for (Test test : plan.tests()) {
                    List<Contender> contenders = test == Test.SERVER ? servers(stage) : clients(stage);
                    if (contenders.isEmpty()) {
                        throw new BenchFailure("no " + word(test) + " can run here: " + leftOut);
                    }
                    enter(test, contenders);
                    rounds(test, contenders, fork);
                    children.endAll();
                }
                if (plan.tests().contains(Test.SERVER)) {
                    idleMemory(stage, children, fork);
                }
            }
        } finally {
            progress.end();
        }
    }

    /** What there is so far. */
    Results results(@Nullable String failure) {
        return new Results(
                Results.FORMAT,
                started.toString(),
                (System.nanoTime() - startedNanos) / 1e9,
                plan.command(),
                MachineFacts.machine(catalog.versions(), pin),
                new Settings(plan.rounds(), plan.forks(), plan.seconds(), plan.warmupSeconds(), plan.quick()),
                peers,
                leftOut,
                runs,
                memory,
                notes,
                failure);
    }

    void note(String text) {
        if (!notes.contains(text)) {
            notes.add(text);
        }
    }

    // ---- processes

    private List<Contender> servers(Stage stage) throws IOException, InterruptedException {
        return stage.startServers(plan.servers(), this::leaveOut);
    }

    private List<Contender> clients(Stage stage) throws IOException, InterruptedException {
        List<Candidate> neutral = catalog.servers().stream()
                .filter(server -> server.kind().equals("floor") || server.name().equals("jdk-nio"))
                .sorted(Comparator.comparing(server -> !server.kind().equals("floor")))
                .toList();
        for (Candidate server : neutral) {
            try {
                Stage.Listening listening = stage.startServer(server);
                note("the clients were measured against the server " + server.name());
                return stage.startClients(plan.clients(), listening, this::leaveOut);
            } catch (CannotRun e) {
                note(server.name() + " can't be the server of the clients: " + e.getMessage());
            }
        }
        throw new BenchFailure("there is no server to measure clients against");
    }

    private void leaveOut(LeftOut left) {
        if (!leftOut.contains(left)) {
            leftOut.add(left);
            progress.say("left out: " + left.name() + ": " + left.reason());
        }
    }

    private void enter(Test test, List<Contender> contenders) {
        if (peers.stream().anyMatch(peer -> peer.test() == test)) {
            return;
        }
        String reference = reference(contenders);
        for (Contender contender : contenders) {
            Candidate candidate = contender.candidate();
            Role role = candidate.name().equals(reference)
                    ? Role.REFERENCE
                    : candidate.kind().equals("floor") ? Role.FLOOR : Role.PEER;
            peers.add(new Peer(test, candidate.name(), candidate.kind(), candidate.description(), role));
        }
    }

    /** Ours with its default dispatch, else any of ours, else the first. */
    private static String reference(List<Contender> contenders) {
        return Stream.<Predicate<String>>of(
                        "netpoll-adaptive"::equals, "netpoll"::equals, name -> name.startsWith("netpoll-"))
                .flatMap(wanted -> contenders.stream().map(Contender::name).filter(wanted))
                .findFirst()
                .orElse(contenders.getFirst().name());
    }

    // ---- rounds

    private void rounds(Test test, List<Contender> contenders, int fork) throws IOException, InterruptedException {
        List<Case> cases = plan.cases(test);
        warmUp(contenders, cases);
        for (Case setting : cases) {
            for (int round = 1; round <= plan.rounds(); round++) {
                for (Contender contender : contenders) {
                    measure(contender, setting, fork, round);
                }
            }
            tell(setting);
        }
        if (test == Test.SERVER && plan.openLoopShare() > 0) {
            for (Case setting : cases) {
                if (setting.work().equals(Work.NONE)) {
                    openLoop(contenders, setting, fork);
                }
            }
        }
    }

    /** Each process meets all cases once, so that none of them is new to its compiler. */
    private void warmUp(List<Contender> contenders, List<Case> cases) throws IOException, InterruptedException {
        double share = 1.0 / cases.size();
        for (Contender contender : contenders) {
            for (Case setting : cases) {
                progress.step("warming up " + contender.name() + ": " + Summary.title(setting));
                Case closed = setting.at(0, "");
                contender.warmUp(
                        contender.command(
                                plan,
                                closed,
                                plan.warmupSeconds() * share,
                                Math.round(WARMUP_REQUESTS * share),
                                WARMUP_MEASURED_SECONDS),
                        closed);
            }
        }
    }

    private void measure(Contender contender, Case setting, int fork, int round)
            throws IOException, InterruptedException {
        String which = plan.forks() > 1 ? "fork " + fork + ", round " + round : "round " + round;
        progress.step(Summary.title(setting) + ": " + which + " of " + plan.rounds() + ", " + contender.name());
        runs.add(contender.measure(
                contender.command(plan, setting, Plan.SETTLE_SECONDS, 0, plan.seconds()), setting, fork, round));
    }

    /** One line for each peer, as soon as a case is done. */
    private void tell(Case setting) {
        StringBuilder line = new StringBuilder(Summary.title(setting) + ": ");
        peaks(setting).forEach((peer, peak) -> line.append(String.format(Locale.ROOT, "%s %,.0f  ", peer, peak)));
        progress.say(line.toString().strip());
    }

    /** The reference meets each peer at a share of what the slower of the two reached. */
    private void openLoop(List<Contender> contenders, Case setting, int fork) throws IOException, InterruptedException {
        String name = reference(contenders);
        Contender reference = contenders.stream()
                .filter(contender -> contender.name().equals(name))
                .findFirst()
                .orElseThrow();
        Map<String, Double> peaks = peaks(setting);
        for (Contender opponent : opponents(contenders, name, peaks)) {
            double slower = Math.min(peak(peaks, name), peak(peaks, opponent.name()));
            // In later forks as in the first: a case is one rate.
            double rate = knownRate(setting, opponent.name())
                    .orElse(Math.max(1, Math.rint(slower * plan.openLoopShare() / 100) * 100));
            Case open = setting.at(rate, opponent.name());
            for (int round = 1; round <= plan.rounds(); round++) {
                measure(reference, open, fork, round);
                measure(opponent, open, fork, round);
            }
        }
    }

    private List<Contender> opponents(List<Contender> contenders, String reference, Map<String, Double> peaks) {
        List<Contender> others = contenders.stream()
                .filter(contender -> !contender.name().equals(reference))
                .toList();
        if (!plan.openLoopBestOnly()) {
            return others;
        }
        return others.stream()
                .filter(contender -> !contender.candidate().kind().equals("floor"))
                .filter(contender -> !contender.name().startsWith("netpoll"))
                .max(comparingDouble(contender -> peak(peaks, contender.name())))
                .map(List::of)
                .orElse(List.of());
    }

    private Optional<Double> knownRate(Case setting, String opponent) {
        return runs.stream()
                .map(Run::setting)
                .filter(known -> known.rate() > 0 && known.equals(setting.at(known.rate(), opponent)))
                .map(Case::rate)
                .findFirst();
    }

    private Map<String, Double> peaks(Case setting) {
        Map<String, List<Double>> figures = new TreeMap<>();
        for (Run run : runs) {
            if (run.setting().equals(setting)) {
                figures.computeIfAbsent(run.peer(), key -> new ArrayList<>())
                        .add(run.load().throughput());
            }
        }
        Map<String, Double> peaks = new TreeMap<>();
        figures.forEach((peer, values) -> peaks.put(peer, Spread.median(values)));
        return peaks;
    }

    private static double peak(Map<String, Double> peaks, String name) {
        return Objects.requireNonNull(peaks.get(name), name);
    }

    // ---- memory

    /** Each server alone and fresh, holding more and more connections that send nothing. */
    private void idleMemory(Stage stage, Children children, int fork) throws IOException, InterruptedException {
        int most = MachineFacts.connectionsMax();
        List<Integer> steps =
                plan.idleSteps().stream().filter(step -> step <= most).sorted().toList();
        if (steps.size() < plan.idleSteps().size()) {
            note("not more than " + most + " idle connections: raise the limit of open files (ulimit -n)");
        }
        if (steps.isEmpty()) {
            return;
        }
        for (Candidate candidate : plan.servers()) {
            if (leftOut.stream().anyMatch(left -> left.name().equals(candidate.name()))) {
                continue;
            }
            List<Contender> alone = stage.startServers(List.of(candidate), this::leaveOut);
            for (Contender contender : alone) {
                for (int idle : steps) {
                    progress.step(String.format(
                            Locale.ROOT, "memory of %s with %,d idle connections", contender.name(), idle));
                    Case setting = new Case(Test.SERVER, 1, 1, idle, 64, 1, IDLE_RATE, Work.NONE, "");
                    Run run = contender.measure(contender.command(plan, setting, 0, 0, IDLE_SECONDS), setting, fork, 1);
                    memory.add(
                            new Memory(contender.name(), fork, idle, run.usage().rssBytes()));
                }
            }
            children.endAll();
        }
    }

    private static String word(Test test) {
        return test.name().toLowerCase(Locale.ROOT);
    }
}
