// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import dev.netpoll.benchmarks.rpc.load.ClientMain;
import dev.netpoll.benchmarks.rpc.load.ClientPeers;
import dev.netpoll.benchmarks.rpc.load.LoadMain;
import dev.netpoll.benchmarks.rpc.server.Peer;
import dev.netpoll.benchmarks.rpc.server.ServerPeers;
import io.netty.util.Version;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The peers of this module. */
final class Installed implements Catalog {
    @Override
    public List<Candidate> servers() {
        return ServerPeers.all().stream().map(Installed::server).toList();
    }

    @Override
    public List<Candidate> clients() {
        return ClientPeers.all().stream()
                .map(peer -> new Candidate(
                        peer.name(),
                        "client",
                        peer.description(),
                        false,
                        true,
                        (scratch, port) ->
                                java(peer.jvmOptions(), ClientMain.class.getName(), "--client", peer.name())))
                .toList();
    }

    private static Candidate server(Peer peer) {
        return new Candidate(
                peer.name(),
                peer.kind().toString(),
                peer.description(),
                true,
                peer.kind() != Peer.Kind.FLOOR,
                (scratch, port) -> {
                    try {
                        return ServerPeers.command(peer, java(), System.getProperty("java.class.path"), scratch);
                    } catch (UnsupportedOperationException e) {
                        throw new CannotRun(String.valueOf(e.getMessage()));
                    }
                });
    }

    @Override
    public List<String> usualServers(boolean quick) {
        return quick
                ? List.of(
                        "netpoll-adaptive",
                        "netpoll-uring-adaptive",
                        "netty-epoll",
                        "netty-epoll-virtual",
                        "jdk-virtual",
                        "c-epoll")
                : List.of(
                        "netpoll-adaptive",
                        "netpoll-inline",
                        "netpoll-uring-adaptive",
                        "netpoll-uring-inline",
                        "netpoll-uring-virtual",
                        "netty-epoll",
                        "netty-uring",
                        "netty-epoll-virtual",
                        "netty-uring-virtual",
                        "jdk-virtual",
                        "c-epoll");
    }

    @Override
    public List<String> usualClients(boolean quick) {
        return quick
                ? List.of("netpoll", "netpoll-uring", "netty-epoll-virtual", "jdk-virtual")
                : List.of(
                        "netpoll",
                        "netpoll-uring",
                        "netty-epoll-virtual",
                        "netty-uring-virtual",
                        "jdk-virtual",
                        "jdk-nio-virtual");
    }

    @Override
    public List<String> load() {
        return java(LoadMain.JVM_OPTIONS, LoadMain.class.getName());
    }

    @Override
    public Map<String, String> versions() {
        Map<String, String> versions = new LinkedHashMap<>();
        Version netty = Version.identify().get("netty-transport");
        if (netty != null) {
            versions.put("Netty", netty.artifactVersion());
        }
        return versions;
    }

    private static Path java() {
        return Path.of(System.getProperty("java.home"), "bin", "java");
    }

    private static List<String> java(List<String> options, String... words) {
        List<String> command = new ArrayList<>();
        command.add(java().toString());
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(words));
        return command;
    }
}
