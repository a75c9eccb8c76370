// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.benchmarks.rpc.report.Results.Case;
import dev.netpoll.benchmarks.rpc.report.Results.Latency;
import dev.netpoll.benchmarks.rpc.report.Results.LeftOut;
import dev.netpoll.benchmarks.rpc.report.Results.Load;
import dev.netpoll.benchmarks.rpc.report.Results.Machine;
import dev.netpoll.benchmarks.rpc.report.Results.Memory;
import dev.netpoll.benchmarks.rpc.report.Results.Peer;
import dev.netpoll.benchmarks.rpc.report.Results.Role;
import dev.netpoll.benchmarks.rpc.report.Results.Run;
import dev.netpoll.benchmarks.rpc.report.Results.Settings;
import dev.netpoll.benchmarks.rpc.report.Results.Usage;
import dev.netpoll.benchmarks.rpc.report.Results.Work;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SummaryTest {
    private static final Case PLAIN = new Case(Results.Test.SERVER, 1, 100, 0, 1024, 1, 0, Work.NONE, "");

    private final List<Run> runs = new ArrayList<>();

    @TempDir
    Path directory;

    @Test
    void theMedianIsInTheMiddle() {
        assertThat(Spread.median(List.of(3.0, 1.0, 2.0))).isEqualTo(2);
        assertThat(Spread.median(List.of(4.0, 1.0, 2.0, 3.0))).isEqualTo(2.5);
        assertThat(Spread.median(List.of(Double.NaN, 7.0))).isEqualTo(7);
        assertThat(Spread.median(List.of())).isNaN();
        assertThat(Spread.of(List.of(3.0, 1.0, 2.0)))
                .isEqualTo(new Spread(2, 1, 3))
                .hasToString("2.00 [1.00..3.00]");
    }

    @Test
    void ratiosAreOfTheSameRound() {
        Spread ratios = Spread.ofRatios(
                Map.of("1", 10.0, "2", 40.0, "3", 9.0, "4", 5.0), Map.of("1", 5.0, "2", 40.0, "3", 3.0));
        assertThat(ratios).isEqualTo(new Spread(2, 1, 3));
        assertThat(Spread.ofRatios(Map.of("1", 1.0), Map.of())).isNull();
    }

    @Test
    void aTableComparesWithOursAndWithTheFloor() {
        for (int round = 1; round <= 3; round++) {
            add(PLAIN, "netpoll-adaptive", round, 1000 * round, 0.5);
            add(PLAIN, "netty-epoll", round, 800 * round, 0.99);
            add(PLAIN, "c-epoll", round, 2000 * round, 0.5);
        }
        Summary.Table table = Summary.of(results()).tables().getFirst();
        assertThat(table.title()).isEqualTo("servers, 100 connections, 1 KiB");
        Summary.Row ours = table.rows().get(0);
        Summary.Row netty = table.rows().get(1);
        assertThat(ours.ofReference()).isNull();
        assertThat(ours.ofFloor()).isEqualTo(new Spread(0.5, 0.5, 0.5));
        assertThat(netty.ofReference()).isEqualTo(new Spread(0.8, 0.8, 0.8));
        assertThat(netty.throughput()).isEqualTo(new Spread(1600, 800, 2400));
        assertThat(netty.cpuMicros()).isEqualTo(10);
        assertThat(netty.switches()).isEqualTo(0.3);
        assertThat(netty.notes()).singleElement().asString().contains("99 %");
        assertThat(ours.notes()).isEmpty();
        assertThat(table.findings())
                .first()
                .asString()
                .contains("netpoll-adaptive ÷ netty-epoll (the best inline peer): throughput 1.25");
    }

    @Test
    void workIsComparedWithTheSameWithoutIt() {
        Case blocked = new Case(Results.Test.SERVER, 1, 100, 0, 1024, 1, 0, new Work(0.5, 100, 0, 0), "");
        add(PLAIN, "netpoll-adaptive", 1, 1000, 0.5);
        add(blocked, "netpoll-adaptive", 1, 1000, 0.5);
        Summary.Table table = Summary.of(results()).tables().getLast();
        assertThat(table.title()).endsWith("50 % block 100 ms");
        assertThat(table.rows().getFirst().ofUnblocked()).isEqualTo(new Spread(0.5, 0.5, 0.5));
    }

    @Test
    void curvesAddUpTheHistogramsOfAllRounds() {
        add(PLAIN, "netpoll-adaptive", 1, 1000, 0.5);
        add(PLAIN, "netpoll-adaptive", 2, 1000, 0.5);
        List<Curve.Point> curve =
                Summary.of(results()).tables().getFirst().rows().getFirst().curve();
        assertThat(curve)
                .extracting(Curve.Point::percentile)
                .contains(50.0, 99.0, 99.9)
                .doesNotContain(99.99);
        assertThat(curve.getLast().micros()).isBetween(990.0, 1010.0);
    }

    @Test
    void jsonComesBackAsItWas() throws IOException {
        add(PLAIN, "netpoll-adaptive", 1, 1000, Double.NaN);
        add(PLAIN, "c-epoll", 1, 1000, 0.5);
        Results results = results();
        Path file = directory.resolve("results.json");
        ResultsFile.write(results, file);
        assertThat(ResultsFile.read(file)).isEqualTo(results);
    }

    @Test
    void thePageNamesEachPeerAndLoadsNothing() throws IOException {
        add(PLAIN, "netpoll-adaptive", 1, 1000, Double.NaN);
        add(PLAIN, "netty-epoll", 1, 1000, 0.5);
        String page = HtmlReport.html(results());
        assertThat(page).contains("netpoll-adaptive", "netty-epoll", "uring-peer", "0.1-test", "--peers 'a b'");
        assertThat(page).doesNotContain("/*data*/").doesNotContain("NaN").doesNotContain("</script><b>");
        assertThat(page.replace("http://www.w3.org/2000/svg", "")).doesNotContain("http:", "https:", " src=");
    }

    private Results results() {
        return new Results(
                Results.FORMAT,
                "2026-01-01T00:00:00Z",
                12,
                "./netpoll bench --peers 'a b'",
                new Machine("A processor", 2, 1 << 30, "Linux 1.2", "25", Map.of("Netty", "0.1-test"), "pinned"),
                new Settings(3, 1, 1, 1, false),
                List.of(
                        new Peer(
                                Results.Test.SERVER,
                                "netpoll-adaptive",
                                "blocking",
                                "ours </script><b>",
                                Role.REFERENCE),
                        new Peer(Results.Test.SERVER, "netty-epoll", "inline", "theirs", Role.PEER),
                        new Peer(Results.Test.SERVER, "c-epoll", "floor", "C", Role.FLOOR)),
                List.of(new LeftOut(Results.Test.SERVER, "uring-peer", "old kernel")),
                List.copyOf(runs),
                List.of(new Memory("netpoll-adaptive", 1, 0, 1e6)),
                List.of("a note"),
                null);
    }

    private void add(Case setting, String peer, int round, double throughput, double otherShare) {
        Latency latency = new Latency(0, 1e6, 1e6, 1e6, 1e6, 1e6, 1e6);
        Latency marked = setting.work().equals(Work.NONE) ? null : new Latency(500, 1e6, 1e6, 1e6, 1e6, 1e6, 1e6);
        Load load = new Load(1000, 1, throughput, 0, 0, 0, "", latency, marked, histogram(), 0.5, 1, 0);
        Usage usage = new Usage(1, 0.01, 100, 200, 1e8, otherShare, 5e5, 1.0, 1.0, Map.of("turns", 3.0));
        runs.add(new Run(setting, peer, 1, round, load, usage));
    }

    private static String histogram() {
        Histogram histogram = new Histogram(1, 10_000_000_000L, 3);
        histogram.recordValueWithCount(1_000_000, 1000);
        ByteBuffer buffer = ByteBuffer.allocate(histogram.getNeededByteBufferCapacity());
        int length = histogram.encodeIntoCompressedByteBuffer(buffer);
        return Base64.getEncoder().encodeToString(Arrays.copyOf(buffer.array(), length));
    }
}
