// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Peers that are {@link FakePeer}s. */
final class FakeCatalog implements Catalog {
    @Override
    public List<Candidate> servers() {
        return List.of(
                server("netpoll-adaptive", "blocking", FakePeer.RIGHT),
                server("quick-peer", "inline", FakePeer.RIGHT + 1),
                server("wrong-peer", "inline", FakePeer.WRONG),
                new Candidate("old-peer", "inline", "can't run", true, true, (scratch, port) -> java("cannot")),
                new Candidate("absent-peer", "inline", "is not there", true, true, (scratch, port) -> {
                    throw new CannotRun("nobody compiled it");
                }),
                new Candidate("broken-peer", "inline", "ends at once", true, true, (scratch, port) -> java("server")),
                server("c-floor", "floor", FakePeer.RIGHT));
    }

    @Override
    public List<Candidate> clients() {
        return List.of(
                new Candidate("netpoll", "client", "ours", false, true, (scratch, port) -> java("load")),
                new Candidate("other-client", "client", "theirs", false, true, (scratch, port) -> java("load")));
    }

    @Override
    public List<String> usualServers(boolean quick) {
        return List.of("netpoll-adaptive", "quick-peer", "old-peer", "absent-peer", "c-floor");
    }

    @Override
    public List<String> usualClients(boolean quick) {
        return List.of("netpoll", "other-client");
    }

    @Override
    public List<String> load() {
        return java("load");
    }

    @Override
    public Map<String, String> versions() {
        return Map.of("Fake", "1.2");
    }

    private static Candidate server(String name, String kind, int port) {
        return new Candidate(
                name,
                kind,
                name + " & <friends>",
                true,
                true,
                (scratch, free) -> java("server", Integer.toString(port)));
    }

    private static List<String> java(String... words) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-Xshare:auto",
                "-cp",
                System.getProperty("java.class.path"),
                FakePeer.class.getName()));
        command.addAll(List.of(words));
        return command;
    }
}
