// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import dev.netpoll.benchmarks.rpc.report.Results.Test;
import dev.netpoll.benchmarks.rpc.report.Results.Work;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Turns the command line into a plan, or says what is wrong with it. */
final class Planner {
    private static final String ALL = "all";
    private static final double OPEN_LOOP_QUICK = 0.7;

    private final BenchCommand given;
    private final Catalog catalog;

    Planner(BenchCommand given, Catalog catalog) {
        this.given = given;
        this.catalog = catalog;
    }

    Plan plan() {
        check();
        List<Test> tests = given.tests();
        List<Candidate> servers = tests.contains(Test.SERVER) ? servers() : List.of();
        List<Candidate> clients = tests.contains(Test.CLIENT)
                ? choose(catalog.clients(), catalog.usualClients(given.quick), "client")
                : List.of();
        boolean quick = given.quick;
        return new Plan(
                given.commandLine(),
                tests,
                given.scenarios,
                servers,
                clients,
                !given.connections.isEmpty()
                        ? given.connections
                        : quick ? BenchCommand.CONNECTIONS_QUICK : BenchCommand.CONNECTIONS,
                given.payloads,
                given.pipeline,
                given.rate,
                given.openLoop != null ? given.openLoop : quick && given.rate == 0 ? OPEN_LOOP_QUICK : 0,
                quick && given.openLoop == null,
                new Work(
                        given.blockShare,
                        given.blockShare > 0 ? given.blockMillis : 0,
                        given.burnShare,
                        given.burnShare > 0 ? given.burnMillis : 0),
                given.rounds != null ? given.rounds : quick ? 3 : 5,
                given.forks,
                given.seconds != null ? given.seconds : quick ? 1.25 : 3,
                given.warmup != null ? given.warmup : quick ? 3 : 6,
                given.timeoutMillis,
                idleSteps(),
                quick,
                !given.noPin);
    }

    private List<Integer> idleSteps() {
        if (given.idle.isEmpty()) {
            return given.quick ? List.of() : BenchCommand.IDLE_STEPS;
        }
        return given.idle.equals(List.of(0)) ? List.of() : given.idle;
    }

    private void check() {
        if (given.scenarios.contains(3)) {
            throw given.mistake("--scenario 3: not yet: comes with multiplexing");
        }
        require(
                given.scenarios.stream().allMatch(scenario -> scenario == 1 || scenario == 2),
                "--scenario is 1, 2 or 3");
        require(given.connections.stream().allMatch(count -> count >= 1), "--connections has to be 1 or more");
        require(given.idle.stream().allMatch(count -> count >= 0), "--idle can't be negative");
        require(given.pipeline >= 1, "--pipeline has to be 1 or more");
        require(given.rate >= 0, "--rate can't be negative");
        require(given.blockShare + given.burnShare <= 1, "--block-share and --burn-share together exceed 100 %");
        require(given.blockMillis >= 0, "--block-ms can't be negative");
        require(given.burnMillis >= 0, "--burn-ms can't be negative");
        require(given.rounds == null || given.rounds >= 1, "--rounds has to be 1 or more");
        require(given.forks >= 1, "--forks has to be 1 or more");
        require(given.seconds == null || given.seconds > 0, "--seconds has to be more than 0");
        require(given.warmup == null || given.warmup >= 0, "--warmup can't be negative");
        require(given.timeoutMillis >= 1, "--timeout-ms has to be 1 or more");
        require(given.rate == 0 || given.openLoop == null, "--rate and --open-loop exclude each other");
        require(
                given.blockShare + given.burnShare == 0
                        || given.payloads.stream().allMatch(size -> size >= 5),
                "requests with work need a payload of 5 bytes or more");
    }

    private void require(boolean condition, String otherwise) {
        if (!condition) {
            throw given.mistake(otherwise);
        }
    }

    private List<Candidate> servers() {
        List<Candidate> servers =
                new ArrayList<>(choose(catalog.servers(), catalog.usualServers(given.quick), "server"));
        given.outside.forEach((name, command) -> {
            require(command.contains("{port}"), "--peer " + name + ": the command has no {port}");
            require(
                    servers.stream().noneMatch(server -> server.name().equals(name)),
                    "--peer " + name + ": there is a peer of that name");
            List<String> words = Arguments.words(command);
            servers.add(new Candidate(
                    name,
                    "outside",
                    command,
                    false,
                    false,
                    (scratch, port) -> words.stream()
                            .map(word -> word.replace("{port}", Integer.toString(port)))
                            .toList()));
        });
        return servers;
    }

    private List<Candidate> choose(List<Candidate> known, List<String> usual, String what) {
        Map<String, Candidate> byName = new LinkedHashMap<>();
        known.forEach(candidate -> byName.put(candidate.name(), candidate));
        if (given.peers.contains(ALL)) {
            return known;
        }
        List<String> anywhere = Stream.concat(catalog.servers().stream(), catalog.clients().stream())
                .map(Candidate::name)
                .toList();
        for (String name : given.peers) {
            require(anywhere.contains(name), "--peers: no peer is called '" + name + "' (--list shows them)");
        }
        List<Candidate> chosen = (given.peers.isEmpty() ? usual : given.peers)
                .stream()
                        .distinct()
                        .filter(byName::containsKey)
                        .map(byName::get)
                        .toList();
        require(!chosen.isEmpty(), "--peers: none of " + String.join(", ", given.peers) + " is a " + what);
        return chosen;
    }
}
