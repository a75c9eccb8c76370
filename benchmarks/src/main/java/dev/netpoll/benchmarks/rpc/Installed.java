// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import io.netty.util.Version;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The peers of this module. */
final class Installed implements Catalog {
    private static final String LOAD_MAIN = "dev.netpoll.benchmarks.rpc.load.LoadMain";

    @Override
    public List<Candidate> servers() {
        return List.of();
    }

    @Override
    public List<Candidate> clients() {
        return List.of();
    }

    @Override
    public List<String> usualServers(boolean quick) {
        return quick
                ? List.of("netpoll-adaptive", "netty-epoll", "netty-epoll-virtual", "jdk-virtual", "c-epoll")
                : List.of(
                        "netpoll-adaptive",
                        "netpoll-inline",
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
                ? List.of("netpoll", "netty-epoll-virtual", "jdk-virtual")
                : List.of("netpoll", "netty-epoll-virtual", "netty-uring-virtual", "jdk-virtual", "jdk-nio-virtual");
    }

    @Override
    public List<String> load() {
        return java(List.of("--enable-native-access=ALL-UNNAMED"), LOAD_MAIN);
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

    private static List<String> java(List<String> options, String... words) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(words));
        return command;
    }
}
