// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.report;

import static java.util.Comparator.comparingDouble;

import dev.netpoll.benchmarks.rpc.report.Results.Case;
import dev.netpoll.benchmarks.rpc.report.Results.Latency;
import dev.netpoll.benchmarks.rpc.report.Results.Peer;
import dev.netpoll.benchmarks.rpc.report.Results.Role;
import dev.netpoll.benchmarks.rpc.report.Results.Run;
import dev.netpoll.benchmarks.rpc.report.Results.Work;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** The comparison: a table for each case, with medians and with ratios of what was measured in the same round. */
public record Summary(List<Table> tables) {
    private static final double BUSY = 0.95;

    /** One case; the findings are sentences. */
    public record Table(
            Case setting,
            String title,
            String reference,
            @Nullable String floor,
            List<Row> rows,
            List<String> findings) {}

    /**
     * One peer in a case. Ratios are this row's figure divided by the other's; latencies are microseconds.
     *
     * @param ofUnblocked throughput of the requests without work, divided by this peer's own where no request has work
     */
    public record Row(
            String peer,
            String kind,
            Role role,
            Spread throughput,
            @Nullable Spread ofReference,
            @Nullable Spread ofFloor,
            double p50,
            double p90,
            double p99,
            double p999,
            double max,
            @Nullable Spread p50OfReference,
            @Nullable Spread p99OfReference,
            @Nullable Spread p999OfReference,
            double cpuMicros,
            @Nullable Spread cpuOfReference,
            double switches,
            double allocatedBytes,
            double gcPauseMillis,
            double gcCount,
            double rssBytes,
            double otherCpuShare,
            @Nullable Spread ofUnblocked,
            @Nullable Spread p99OfUnblocked,
            double markedP50,
            List<Curve.Point> curve,
            List<String> notes) {}

    /** Compares. */
    public static Summary of(Results results) {
        Map<Case, List<Run>> byCase = new LinkedHashMap<>();
        results.runs()
                .forEach(run -> byCase.computeIfAbsent(run.setting(), key -> new ArrayList<>())
                        .add(run));
        List<Table> tables = new ArrayList<>();
        byCase.forEach((setting, runs) -> tables.add(table(results, byCase, setting, runs)));
        return new Summary(tables);
    }

    private static Table table(Results results, Map<Case, List<Run>> byCase, Case setting, List<Run> runs) {
        Map<String, List<Run>> byPeer = new LinkedHashMap<>();
        runs.forEach(run ->
                byPeer.computeIfAbsent(run.peer(), key -> new ArrayList<>()).add(run));
        List<Peer> peers = byPeer.keySet().stream()
                .map(name -> results.peer(setting.test(), name))
                .toList();
        String reference = named(peers, Role.REFERENCE).orElse(peers.getFirst().name());
        @Nullable String floor = named(peers, Role.FLOOR).orElse(null);
        List<Run> referenceRuns = Objects.requireNonNull(byPeer.get(reference));
        List<Run> floorRuns = floor == null ? List.of() : Objects.requireNonNull(byPeer.get(floor));
        List<Row> rows = new ArrayList<>();
        for (Peer peer : peers) {
            List<Run> own = Objects.requireNonNull(byPeer.get(peer.name()));
            List<Run> unblocked = setting.work().equals(Work.NONE)
                    ? List.of()
                    : byCase.getOrDefault(setting.unworked(), List.of()).stream()
                            .filter(run -> run.peer().equals(peer.name()))
                            .toList();
            rows.add(row(peer, own, peer.name().equals(reference) ? List.of() : referenceRuns, floorRuns, unblocked));
        }
        return new Table(setting, title(setting), reference, floor, rows, findings(reference, peers, runs, byPeer));
    }

    private static Optional<String> named(List<Peer> peers, Role role) {
        return peers.stream()
                .filter(peer -> peer.role() == role)
                .map(Peer::name)
                .findFirst();
    }

    private static Row row(Peer peer, List<Run> own, List<Run> reference, List<Run> floor, List<Run> unblocked) {
        Map<String, Double> unmarked = byRound(own, Summary::throughputWithoutWork);
        return new Row(
                peer.name(),
                peer.kind(),
                peer.role(),
                Objects.requireNonNull(Spread.of(figures(own, Summary::throughput))),
                ratio(own, reference, Summary::throughput),
                peer.role() == Role.FLOOR ? null : ratio(own, floor, Summary::throughput),
                median(own, run -> run.load().latency().p50() / 1e3),
                median(own, run -> run.load().latency().p90() / 1e3),
                median(own, Summary::p99),
                median(own, run -> run.load().latency().p999() / 1e3),
                median(own, run -> run.load().latency().max() / 1e3),
                ratio(own, reference, run -> run.load().latency().p50()),
                ratio(own, reference, Summary::p99),
                ratio(own, reference, run -> run.load().latency().p999()),
                median(own, Summary::cpuMicros),
                ratio(own, reference, Summary::cpuMicros),
                median(
                        own,
                        run -> run.perRequest(
                                run.usage().voluntarySwitches() + run.usage().involuntarySwitches())),
                median(own, run -> run.perRequest(orNaN(run.usage().allocatedBytes()))),
                median(own, run -> orNaN(run.usage().gcPauseMillis())),
                median(own, run -> orNaN(run.usage().gcCount())),
                median(own, run -> run.usage().rssBytes()),
                median(own, run -> run.usage().otherCpuShare()),
                Spread.ofRatios(unmarked, byRound(unblocked, Summary::throughput)),
                ratio(own, unblocked, Summary::p99),
                median(own, run -> markedP50(run.load().marked())),
                Curve.of(own),
                notes(own));
    }

    private static double throughput(Run run) {
        return run.load().throughput();
    }

    private static double throughputWithoutWork(Run run) {
        @Nullable Latency marked = run.load().marked();
        long unmarked = run.load().requests() - (marked == null ? 0 : marked.count());
        return unmarked / run.load().measuredSeconds();
    }

    private static double markedP50(@Nullable Latency marked) {
        return marked == null ? Double.NaN : marked.p50() / 1e3;
    }

    private static double p99(Run run) {
        return run.load().latency().p99() / 1e3;
    }

    private static double cpuMicros(Run run) {
        return run.perRequest(run.usage().cpuSeconds() * 1e6);
    }

    private static List<String> notes(List<Run> own) {
        List<String> notes = new ArrayList<>();
        double share = median(own, run -> run.usage().otherCpuShare());
        if (share > BUSY) {
            String other = own.getFirst().setting().test() == Results.Test.SERVER ? "load generator" : "server";
            notes.add(String.format(
                    Locale.ROOT,
                    "the %s was busy for %.0f %% of the time: compare CPU per request, not throughput",
                    other,
                    share * 100));
        }
        long behind = own.stream().mapToLong(run -> run.load().behind()).sum();
        if (behind > 0) {
            notes.add(String.format(Locale.ROOT, "%,d requests could not be sent in time", behind));
        }
        return notes;
    }

    // ---- sentences

    /** What is measured, in a few words. */
    public static String title(Case setting) {
        StringBuilder title = new StringBuilder(setting.test() == Results.Test.SERVER ? "servers" : "clients");
        title.append(String.format(Locale.ROOT, ", %,d connections", setting.connections()));
        if (setting.idle() > 0) {
            title.append(String.format(Locale.ROOT, " and %,d idle", setting.idle()));
        }
        title.append(", ").append(Units.bytes(setting.payload()));
        if (setting.pipeline() > 1) {
            title.append(", pipeline of ").append(setting.pipeline());
        }
        Work work = setting.work();
        if (work.blockShare() > 0) {
            title.append(String.format(
                    Locale.ROOT,
                    ", %s block %s ms",
                    Units.percent(work.blockShare()),
                    Units.plain(work.blockMillis())));
        }
        if (work.burnShare() > 0) {
            title.append(String.format(
                    Locale.ROOT, ", %s burn %s ms", Units.percent(work.burnShare()), Units.plain(work.burnMillis())));
        }
        title.append(setting.rate() > 0 ? String.format(Locale.ROOT, ", open loop at %,.0f/s", setting.rate()) : "");
        title.append(setting.versus().isEmpty() ? "" : " against " + setting.versus());
        return title.toString();
    }

    private static List<String> findings(
            String reference, List<Peer> peers, List<Run> runs, Map<String, List<Run>> byPeer) {
        List<String> findings = new ArrayList<>();
        Map<String, String> groups = new LinkedHashMap<>();
        groups.put("blocking", "the best peer whose handlers may block");
        groups.put("inline", "the best inline peer");
        groups.put("client", "the best peer");
        groups.put("outside", "the best outside peer");
        groups.put("floor", "the floor");
        List<Run> own = Objects.requireNonNull(byPeer.get(reference));
        boolean openLoop = runs.getFirst().setting().rate() > 0;
        groups.forEach((kind, words) -> peers.stream()
                .filter(peer -> !peer.isOurs() && !peer.name().equals(reference))
                .filter(peer -> peer.kind().equals(kind))
                .max(comparingDouble(peer -> median(byPeer.getOrDefault(peer.name(), List.of()), Summary::throughput)))
                .ifPresent(best -> {
                    List<Run> its = Objects.requireNonNull(byPeer.get(best.name()));
                    findings.add(String.format(
                            Locale.ROOT,
                            "%s ÷ %s (%s): %s%s",
                            reference,
                            best.name(),
                            words,
                            openLoop ? "" : "throughput " + ratio(own, its, Summary::throughput) + ", ",
                            "p99 " + ratio(own, its, Summary::p99)
                                    + ", p99.9 "
                                    + ratio(
                                            own,
                                            its,
                                            run -> run.load().latency().p999())));
                }));
        return findings;
    }

    // ---- arithmetic

    private static double orNaN(@Nullable Double figure) {
        return figure == null ? Double.NaN : figure;
    }

    private static List<Double> figures(List<Run> runs, ToDoubleFunction<Run> figure) {
        return runs.stream().map(figure::applyAsDouble).toList();
    }

    private static double median(List<Run> runs, ToDoubleFunction<Run> figure) {
        return Spread.median(figures(runs, figure));
    }

    private static @Nullable Spread ratio(List<Run> runs, List<Run> dividedBy, ToDoubleFunction<Run> figure) {
        return Spread.ofRatios(byRound(runs, figure), byRound(dividedBy, figure));
    }

    private static Map<String, Double> byRound(List<Run> runs, ToDoubleFunction<Run> figure) {
        Map<String, Double> figures = new TreeMap<>();
        runs.forEach(run -> figures.put(run.fork() + "/" + run.round(), figure.applyAsDouble(run)));
        return figures;
    }
}
