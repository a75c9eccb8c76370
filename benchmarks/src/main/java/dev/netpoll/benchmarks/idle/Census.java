// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.idle;

import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.memory.MemoryStats;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.management.JMException;
import javax.management.ObjectName;

/**
 * What a process holds: live objects by class, threads, blocks of pooled memory, resident memory.
 *
 * @param classes the live objects after a full collection, by class, without the collector's filler
 * @param threads the number of live platform threads
 * @param blocks the number of blocks that were taken from the pool and not given back
 * @param blockBytes their size
 * @param residentBytes the resident set of the process
 */
record Census(Map<String, Objects> classes, int threads, long blocks, long blockBytes, long residentBytes) {
    private static final String COUNTS = "# ";

    /** The collector fills gaps between live objects with these; they belong to nobody. */
    private static final String FILLER = "[Ljdk.internal.vm.FillerElement;";

    /** The live objects of one class, and their bytes. */
    record Objects(long count, long bytes) {
        Objects minus(Objects other) {
            return new Objects(count - other.count, bytes - other.bytes);
        }
    }

    static final Objects NONE = new Objects(0, 0);

    /** Takes the census of this process. */
    static Census take() throws IOException, JMException {
        MemoryStats pool = SegmentPool.shared().stats();
        return new Census(
                histogram(),
                ManagementFactory.getThreadMXBean().getThreadCount(),
                pool.outstandingBlocks(),
                pool.outstandingBytes(),
                residentSetBytes());
    }

    /** The command collects garbage first, so that only live objects are counted. */
    private static Map<String, Objects> histogram() throws JMException {
        String text = (String) ManagementFactory.getPlatformMBeanServer()
                .invoke(
                        new ObjectName("com.sun.management:type=DiagnosticCommand"),
                        "gcClassHistogram",
                        new Object[] {new String[0]},
                        new String[] {String[].class.getName()});
        Map<String, Objects> classes = new TreeMap<>();
        for (String line : text.lines().toList()) {
            String[] columns = line.strip().split("\\s+", -1); // "12:  34  5678  some.Class (module)"
            if (columns.length >= 4 && columns[0].endsWith(":") && !columns[3].equals(FILLER)) {
                Objects objects = new Objects(Long.parseLong(columns[1]), Long.parseLong(columns[2]));
                classes.put(columns[3], objects);
            }
        }
        return classes;
    }

    private static long residentSetBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
            }
        }
        return 0;
    }

    /** {@return the bytes of all live objects} */
    long heapBytes() {
        return classes.values().stream().mapToLong(Objects::bytes).sum();
    }

    /** {@return the lines that {@link #parse} understands} */
    List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add(COUNTS + threads + " " + blocks + " " + blockBytes + " " + residentBytes);
        classes.forEach((name, objects) -> lines.add(name + " " + objects.count + " " + objects.bytes));
        return lines;
    }

    /** {@return the census that was written as these lines} */
    static Census parse(List<String> lines) {
        String[] counts = lines.getFirst().substring(COUNTS.length()).split(" ", -1);
        Map<String, Objects> classes = new TreeMap<>();
        for (String line : lines.subList(1, lines.size())) {
            String[] columns = line.split(" ", -1);
            classes.put(columns[0], new Objects(Long.parseLong(columns[1]), Long.parseLong(columns[2])));
        }
        return new Census(
                classes,
                Integer.parseInt(counts[0]),
                Long.parseLong(counts[1]),
                Long.parseLong(counts[2]),
                Long.parseLong(counts[3]));
    }
}
