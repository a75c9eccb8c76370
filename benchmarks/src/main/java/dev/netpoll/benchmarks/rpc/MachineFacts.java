// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import dev.netpoll.benchmarks.rpc.report.Results.Machine;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/** What the machine is. */
final class MachineFacts {
    /** Each process has a limit for open files, of which it needs some for itself. */
    private static final int FILES_SPARE = 200;

    private MachineFacts() {}

    static Machine machine(Map<String, String> versions, boolean pin) {
        return new Machine(
                line("/proc/cpuinfo", "model name", System.getProperty("os.arch")),
                processors(),
                Math.round(Sample.field(read("/proc/meminfo"), "MemTotal:") * 1024),
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch"),
                Runtime.version() + " (" + System.getProperty("java.vendor.version", "unknown") + ")",
                versions,
                pinning(pin));
    }

    static int processors() {
        return Runtime.getRuntime().availableProcessors();
    }

    static boolean canPin() {
        return processors() >= 2 && hasProgram("taskset");
    }

    static boolean hasProgram(String name) {
        String path = System.getenv().getOrDefault("PATH", "");
        return Arrays.stream(path.split(File.pathSeparator, -1))
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, name)));
    }

    /** How many connections one process may have open. */
    static int connectionsMax() {
        String limit = line("/proc/self/limits", "Max open files", "");
        String[] fields = limit.strip().split("\\s+", -1);
        if (fields.length < 2 || !fields[1].chars().allMatch(Character::isDigit)) {
            return Integer.MAX_VALUE;
        }
        return (int) Math.min(Long.parseLong(fields[1]), Integer.MAX_VALUE) - FILES_SPARE;
    }

    private static String pinning(boolean pin) {
        if (pin) {
            return "servers pinned to processor 0, load and clients to processor 1";
        }
        String why = processors() < 2
                ? "there is only one processor"
                : hasProgram("taskset") ? "--no-pin" : "there is no taskset";
        return "NOT PINNED (" + why + "): servers and load share processors, the figures scatter more";
    }

    private static String line(String file, String name, String otherwise) {
        return read(file)
                .lines()
                .filter(line -> line.startsWith(name))
                .map(line -> line.substring(name.length()).replaceFirst("^[\\s:]+", ""))
                .findFirst()
                .orElse(otherwise);
    }

    private static String read(String file) {
        try {
            return Files.readString(Path.of(file));
        } catch (IOException e) {
            return "";
        }
    }
}
