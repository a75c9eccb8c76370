// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import java.util.List;

/** The load generator as a process: {@link CommandLoop} on standard input and output. */
public final class LoadMain {
    /** What its JVM should be started with. The memory barrier is one that every system call would pay for. */
    public static final List<String> JVM_OPTIONS = List.of(
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-XX:+UseSystemMemoryBarrier",
            "-Xms64m",
            "-Xmn32m");

    private LoadMain() {}

    /** Obeys until the input ends. */
    public static void main(String[] args) throws Exception {
        new CommandLoop(System.out, LoadRun::run).obey(System.in);
    }
}
