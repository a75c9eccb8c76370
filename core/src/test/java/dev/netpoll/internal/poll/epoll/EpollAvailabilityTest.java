// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.epoll;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.nio.NioMechanism;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class EpollAvailabilityTest {
    @BeforeEach
    void onLinux() {
        assumeTrue(System.getProperty("os.name").equals("Linux"), "needs Linux");
    }

    @Test
    void withNativeAccessEpollIsAvailable() {
        assertThat(EpollMechanism.unavailableReason()).isNull();
    }

    @Test
    void withoutNativeAccessTheReasonNamesTheFlagAndNothingRestrictedIsTouched() throws Exception {
        assertThat(run(List.of()).lines())
                .containsExactly(
                        "epoll needs native access: start the JVM with --enable-native-access=ALL-UNNAMED",
                        "nio works");
    }

    @Test
    void aJvmThatDeniesNativeAccessStillHasNio() throws Exception {
        assertThat(run(List.of("--illegal-native-access=deny"))).endsWith("nio works\n");
    }

    private static String run(List<String> options) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), EpollAvailabilityTest.class.getName()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    /** The child. */
    public static void main(String[] arguments) throws IOException {
        System.out.println(EpollMechanism.unavailableReason());
        try (Poller poller = new NioMechanism().openPoller()) {
            poller.wakeup();
            poller.poll(-1);
        }
        System.out.println("nio works");
    }
}
