// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Backend;
import dev.netpoll.conformance.soak.SlowReaders;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Peers that ask for much and never read do not take the server from those that behave. */
@Variants(
        backends = {"epoll", "io_uring"},
        transports = Transport.TCP4,
        modes = Mode.ADAPTIVE)
class SlowReadersTest extends ConformanceTest {
    /** The numbers of the promise, which want a machine of their own; else there is less of all. */
    private static final boolean FULL = Boolean.getBoolean("dev.netpoll.slowReaders.full");

    private static final long RESIDENT_MAX = 256L << 20;

    @TempDir
    Path directory;

    @Test
    void thoseThatBehaveKeepTheirShare() throws Exception {
        SlowReaders.Load load = FULL ? SlowReaders.Load.full() : new SlowReaders.Load(300, 300, 60_000, 20, 1000, 3000);
        long descriptors = LeakCheck.maxDescriptors();
        Assumptions.assumeTrue(
                descriptors > load.attackers() + 500L, () -> "only " + descriptors + " descriptors here");
        Path log = directory.resolve("log");
        List<String> prefix =
                Files.isExecutable(Path.of("/usr/bin/taskset")) ? List.of("taskset", "-c", "0") : List.of();
        boolean ring = variant.backend() == Backend.IO_URING;
        try (SlowReaders readers = new SlowReaders(prefix, variant.backend().name(), "adaptive", ring, log)) {
            SlowReaders.Result result = readers.measure(load);
            assertThat(result.kept())
                    .as("share that was kept: %s, %s; %s", result, readers.stats(), Files.readString(log))
                    .isGreaterThan(FULL ? 0.5 : 0.2);
            assertThat(result.grownBytes()).as("more memory").isLessThan(RESIDENT_MAX);
        }
    }
}
