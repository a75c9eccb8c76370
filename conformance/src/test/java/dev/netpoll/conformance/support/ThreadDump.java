// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.HotSpotDiagnosticMXBean.ThreadDumpFormat;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** The stacks of all threads, virtual ones too, in a file. */
public final class ThreadDump {
    private ThreadDump() {}

    /** {@return the file, or why there is none} */
    public static String write() {
        try {
            Path directory = Files.createDirectories(Path.of("target", "faults"));
            Path file = Files.createTempFile(directory.toAbsolutePath(), "threads", ".txt");
            Files.delete(file); // the JVM makes it itself
            ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
                    .dumpThreads(file.toString(), ThreadDumpFormat.TEXT_PLAIN);
            return file.toString();
        } catch (IOException failure) {
            return "not written: " + failure.getMessage();
        }
    }
}
