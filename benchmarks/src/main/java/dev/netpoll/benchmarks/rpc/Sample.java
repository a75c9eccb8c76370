// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What /proc says about some processes together at a moment. Where there is no /proc, all figures are NaN. */
record Sample(long nanoTime, double cpuSeconds, Map<String, Switches> threads, double rssBytes) {
    /** The kernel's unit in /proc/PID/stat: USER_HZ, 100 on every Linux. */
    private static final double TICKS_PER_SECOND = 100;

    /** Context switches of a thread so far. */
    record Switches(double voluntary, double involuntary) {}

    static Sample of(List<Long> pids) {
        if (!Files.isDirectory(Path.of("/proc/self/task"))) {
            return new Sample(System.nanoTime(), Double.NaN, Map.of(), Double.NaN);
        }
        double cpu = 0;
        double rss = 0;
        Map<String, Switches> threads = new HashMap<>();
        for (long pid : pids) {
            Path process = Path.of("/proc", Long.toString(pid));
            cpu += cpuSeconds(read(process.resolve("stat")));
            rss += field(read(process.resolve("status")), "VmRSS:") * 1024;
            try (DirectoryStream<Path> tasks = Files.newDirectoryStream(process.resolve("task"))) {
                for (Path task : tasks) {
                    String status = read(task.resolve("status"));
                    threads.put(
                            task.getFileName().toString(),
                            new Switches(
                                    field(status, "voluntary_ctxt_switches:"),
                                    field(status, "nonvoluntary_ctxt_switches:")));
                }
            } catch (IOException e) {
                // The process has ended; who talks to it notices.
            }
        }
        return new Sample(System.nanoTime(), cpu, threads, rss);
    }

    double secondsSince(Sample earlier) {
        return (nanoTime - earlier.nanoTime) / 1e9;
    }

    /** Switches since then; of a thread that has ended meanwhile, none are known. */
    Switches switchesSince(Sample earlier) {
        double voluntary = threads.isEmpty() ? Double.NaN : 0;
        double involuntary = voluntary;
        for (Map.Entry<String, Switches> thread : threads.entrySet()) {
            @Nullable Switches before = earlier.threads.get(thread.getKey());
            voluntary += thread.getValue().voluntary - (before == null ? 0 : before.voluntary);
            involuntary += thread.getValue().involuntary - (before == null ? 0 : before.involuntary);
        }
        return new Switches(voluntary, involuntary);
    }

    /** utime and stime, fields 14 and 15; the name before them may hold spaces. */
    static double cpuSeconds(String stat) {
        int nameEnd = stat.lastIndexOf(')');
        if (nameEnd < 0) {
            return 0;
        }
        String[] fields = stat.substring(nameEnd + 2).split(" ", -1);
        return (Double.parseDouble(fields[11]) + Double.parseDouble(fields[12])) / TICKS_PER_SECOND;
    }

    /** The number in the line that begins with the given name, or 0. */
    static double field(String status, String name) {
        return status.lines()
                .filter(line -> line.startsWith(name))
                .map(line -> line.substring(name.length()).replace("kB", "").strip())
                .mapToDouble(Double::parseDouble)
                .findFirst()
                .orElse(0);
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return "";
        }
    }
}
