// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.benchmarks.rpc.report.Results;
import dev.netpoll.benchmarks.rpc.report.Results.Run;
import dev.netpoll.benchmarks.rpc.report.ResultsFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BenchTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    Path directory;

    @AfterEach
    void noProcessIsLeft() {
        assertThat(ProcessHandle.current().descendants()).isEmpty();
    }

    @Test
    void serversTakeTurnsAndThoseThatCannotRunAreNamed() throws IOException {
        assertThat(run("--rounds", "2", "--connections", "10,20", "--idle", "0,5", "--open-loop", "50%"))
                .as(err.toString())
                .isZero();
        Results results = ResultsFile.read(directory.resolve("results.json"));
        List<Run> closed =
                results.runs().stream().filter(run -> run.setting().rate() == 0).toList();
        assertThat(closed)
                .extracting(Run::peer)
                .startsWith("netpoll-adaptive", "quick-peer", "c-floor", "netpoll-adaptive", "quick-peer", "c-floor");
        assertThat(closed).hasSize(12).allSatisfy(run -> {
            assertThat(run.usage().allocatedBytes()).isEqualTo(1000);
            assertThat(run.usage().counters()).containsEntry("turns", 1.0);
        });
        assertThat(results.runs())
                .filteredOn(run -> run.setting().rate() > 0 && run.setting().connections() == 10)
                .hasSize(8)
                .allSatisfy(run -> assertThat(run.setting().rate()).isEqualTo(500));
        assertThat(results.memory()).hasSize(6);
        assertThat(results.leftOut())
                .extracting(Results.LeftOut::reason)
                .containsExactly("this kernel is too old", "nobody compiled it");
        assertThat(out.toString())
                .contains("old-peer: this kernel is too old", "== servers, 10 connections, 1 KiB", "quick-peer");
        assertThat(Files.readString(directory.resolve("report.html")))
                .contains("netpoll-adaptive", "quick-peer", "c-floor", "old-peer", "Fake")
                .doesNotContain("<friends>");
    }

    @Test
    void clientsAreMeasuredAgainstTheFloor() throws IOException {
        assertThat(run("--test", "client", "--rounds", "1", "--connections", "10", "--no-pin"))
                .as(err.toString())
                .isZero();
        Results results = ResultsFile.read(directory.resolve("results.json"));
        assertThat(results.runs()).extracting(Run::peer).containsExactly("netpoll", "other-client");
        assertThat(results.notes()).contains("the clients were measured against the server c-floor");
        assertThat(out.toString()).contains("NOT PINNED");
    }

    @Test
    void aWrongAnswerFailsTheRun() {
        assertThat(run("--rounds", "1", "--connections", "10", "--peers", "netpoll-adaptive,wrong-peer"))
                .isEqualTo(1);
        assertThat(err.toString().lines().toList().getLast())
                .contains("wrong-peer", "3 wrong answers", "request 7 was answered with 8");
    }

    @Test
    void aProcessThatEndsFailsTheRun() {
        assertThat(run("--rounds", "1", "--peers", "broken-peer")).isEqualTo(1);
        assertThat(err.toString()).contains("broken-peer ended with status 1", "ArrayIndexOutOfBounds");
    }

    @Test
    void anOutsideServerThatDoesNotStartIsLeftOut() throws IOException {
        assertThat(run(
                        "--rounds",
                        "1",
                        "--connections",
                        "10",
                        "--idle",
                        "0",
                        "--peers",
                        "netpoll-adaptive",
                        "--peer",
                        "mine=/no/such/program {port}"))
                .isZero();
        assertThat(ResultsFile.read(directory.resolve("results.json")).leftOut())
                .singleElement()
                .satisfies(left -> assertThat(left.name()).isEqualTo("mine"));
    }

    @Test
    void thePageCanBeMadeAgain() throws IOException {
        assertThat(run("--rounds", "1", "--connections", "10", "--idle", "0", "--peers", "netpoll-adaptive,quick-peer"))
                .isZero();
        Path page = directory.resolve("report.html");
        String first = Files.readString(page);
        Files.delete(page);
        assertThat(run("--report", directory.resolve("results.json").toString()))
                .isZero();
        assertThat(Files.readString(page)).isEqualTo(first);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--test nothing | nothing",
                "--scenario 3 | not yet: comes with multiplexing",
                "--scenario 4 | --scenario",
                "--peers nobody | nobody",
                "--test client --peers quick-peer | quick-peer",
                "--peer x=program | {port}",
                "--peer program | program",
                "--connections 0 | --connections",
                "--connections many | many",
                "--payload 17M | 17M",
                "--payload 3 --block-share 1% | 5 bytes",
                "--pipeline 0 | --pipeline",
                "--rate -1 | --rate",
                "--rate 5 --open-loop 70% | exclude",
                "--open-loop 170% | 170%",
                "--block-share 70% --burn-share 70% | together",
                "--rounds 0 | --rounds",
                "--forks 0 | --forks",
                "--seconds 0 | --seconds",
                "--fast | --fast",
                "--report /nowhere.json | /nowhere.json",
            })
    void answersAMistakeWithOneLineAndStatusTwo(String arguments, String about) {
        assertThat(BenchMain.execute(
                        new FakeCatalog(), new PrintWriter(out), new PrintWriter(err, true), arguments.split(" ", -1)))
                .isEqualTo(2);
        assertThat(err.toString().lines())
                .singleElement()
                .asString()
                .startsWith("netpoll bench: ")
                .contains(about);
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void helpsAndLists() {
        assertThat(run("--help")).isZero();
        assertThat(run("--list")).isZero();
        assertThat(out.toString()).contains("--open-loop", "--block-share", "quick-peer", "other-client");
    }

    private int run(String... arguments) {
        String[] all = Stream.concat(
                        Stream.of(arguments),
                        List.of(arguments).contains("--report")
                                ? Stream.of()
                                : Stream.of("--out", directory.toString(), "--seconds", "0.1", "--warmup", "0.1"))
                .toArray(String[]::new);
        return BenchMain.execute(new FakeCatalog(), new PrintWriter(out), new PrintWriter(err, true), all);
    }
}
