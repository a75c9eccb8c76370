// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.report;

import dev.netpoll.benchmarks.rpc.report.Results.Test;
import dev.netpoll.benchmarks.rpc.report.Summary.Row;
import dev.netpoll.benchmarks.rpc.report.Summary.Table;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The tables in the terminal. */
public final class TextReport {
    private TextReport() {}

    /** Prints all there is to tell. */
    public static void print(Results results, PrintWriter out) {
        machine(results, out);
        for (Table table : Summary.of(results).tables()) {
            out.println();
            table(table, out);
        }
        memory(results, out);
        if (!results.leftOut().isEmpty()) {
            out.println();
            results.leftOut().forEach(left -> out.println("left out: " + left.name() + ": " + left.reason()));
        }
        out.println();
        results.notes().forEach(note -> out.println("note: " + note));
        out.flush();
    }

    private static void machine(Results results, PrintWriter out) {
        Results.Machine machine = results.machine();
        out.printf(
                Locale.ROOT,
                "%s, %d processors, %s of memory, %s%n",
                machine.cpu(),
                machine.cores(),
                Units.bytes((double) machine.memoryBytes()),
                machine.kernel());
        StringBuilder versions = new StringBuilder("JDK " + machine.jdk());
        machine.versions().forEach((name, version) -> versions.append(", ").append(name + " " + version));
        out.println(versions);
        out.println(machine.pinning());
        Results.Settings settings = results.settings();
        out.printf(
                Locale.ROOT,
                "%d rounds of %s s, each process warmed up for %s s%s; medians, [least..greatest] of the rounds%n",
                settings.rounds(),
                Units.plain(settings.seconds()),
                Units.plain(settings.warmupSeconds()),
                settings.forks() > 1 ? ", all with " + settings.forks() + " sets of fresh processes" : "");
        out.println("x is a peer's figure divided by that of the reference, in the same round");
    }

    private static void table(Table table, PrintWriter out) {
        boolean work = table.rows().stream().anyMatch(row -> row.ofUnblocked() != null);
        boolean server = table.setting().test() == Test.SERVER;
        List<String> head = new ArrayList<>(List.of(
                "peer",
                "req/s",
                "x " + table.reference(),
                "x " + (table.floor() == null ? "floor" : table.floor()),
                "p50 us",
                "p99 us",
                "x",
                "p99.9 us",
                "x",
                "CPU us",
                "switches",
                "alloc B",
                "GC ms",
                "RSS",
                server ? "load CPU" : "server CPU"));
        if (table.floor() == null) {
            head.remove(3);
        }
        if (work) {
            head.addAll(List.of("others x unblocked", "their p99 x"));
        }
        List<List<String>> lines = new ArrayList<>();
        lines.add(head);
        List<String> notes = new ArrayList<>();
        for (Row row : table.rows()) {
            boolean noted = !row.notes().isEmpty();
            row.notes().forEach(note -> notes.add("* " + row.peer() + ": " + note));
            lines.add(cells(row, table, work, noted));
        }
        out.println("== " + table.title());
        grid(lines, out);
        notes.forEach(out::println);
        table.findings().forEach(finding -> out.println("> " + finding));
    }

    private static List<String> cells(Row row, Table table, boolean work, boolean noted) {
        List<String> cells = new ArrayList<>();
        cells.add(row.peer() + (noted ? " *" : ""));
        cells.add(String.format(Locale.ROOT, "%,.0f", row.throughput().median()));
        cells.add(ratio(row.ofReference(), true));
        if (table.floor() != null) {
            cells.add(ratio(row.ofFloor(), true));
        }
        cells.add(Units.plain(row.p50()));
        cells.add(Units.plain(row.p99()));
        cells.add(ratio(row.p99OfReference(), false));
        cells.add(Units.plain(row.p999()));
        cells.add(ratio(row.p999OfReference(), false));
        cells.add(Units.plain(row.cpuMicros()));
        cells.add(String.format(Locale.ROOT, "%.3f", row.switches()).replace("NaN", "-"));
        cells.add(Double.isNaN(row.allocatedBytes()) ? "-" : String.format(Locale.ROOT, "%,.0f", row.allocatedBytes()));
        cells.add(Units.plain(row.gcPauseMillis()));
        cells.add(Units.bytes(row.rssBytes()));
        cells.add(
                Double.isNaN(row.otherCpuShare())
                        ? "-"
                        : String.format(Locale.ROOT, "%.0f %%", row.otherCpuShare() * 100));
        if (work) {
            cells.add(ratio(row.ofUnblocked(), true));
            cells.add(ratio(row.p99OfUnblocked(), true));
        }
        return cells;
    }

    private static String ratio(@Nullable Spread ratio, boolean withSpread) {
        if (ratio == null) {
            return "";
        }
        return withSpread ? ratio.toString() : String.format(Locale.ROOT, "%.2f", ratio.median());
    }

    private static void memory(Results results, PrintWriter out) {
        if (results.memory().isEmpty()) {
            return;
        }
        Map<Integer, Map<String, List<Double>>> byIdle = new TreeMap<>();
        results.memory()
                .forEach(memory -> byIdle.computeIfAbsent(memory.idle(), key -> new TreeMap<>())
                        .computeIfAbsent(memory.peer(), key -> new ArrayList<>())
                        .add(memory.rssBytes()));
        List<List<String>> lines = new ArrayList<>();
        List<String> head = new ArrayList<>(List.of("peer"));
        byIdle.keySet().forEach(idle -> head.add(String.format(Locale.ROOT, "%,d idle", idle)));
        lines.add(head);
        for (String peer :
                results.memory().stream().map(Results.Memory::peer).distinct().toList()) {
            List<String> line = new ArrayList<>(List.of(peer));
            byIdle.values().forEach(peers -> line.add(Units.bytes(Spread.median(peers.getOrDefault(peer, List.of())))));
            lines.add(line);
        }
        out.println();
        out.println("== resident memory of fresh servers that hold idle connections");
        grid(lines, out);
    }

    private static void grid(List<List<String>> lines, PrintWriter out) {
        List<Integer> widths = new ArrayList<>();
        for (int column = 0; column < lines.getFirst().size(); column++) {
            int index = column;
            widths.add(lines.stream()
                    .mapToInt(line -> line.get(index).length())
                    .max()
                    .orElse(0));
        }
        for (List<String> line : lines) {
            StringBuilder text = new StringBuilder();
            for (int column = 0; column < line.size(); column++) {
                String cell = line.get(column);
                String space = " ".repeat(widths.get(column) - cell.length());
                text.append(column == 0 ? cell + space : "  " + space + cell);
            }
            out.println(text.toString().stripTrailing());
        }
    }
}
