// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UringAvailabilityTest {
    @ParameterizedTest
    @CsvSource({
        "io_uring_setup, 1, 2, kernel.io_uring_disabled is 2",
        "io_uring_setup, 1, 1, kernel.io_uring_group",
        "io_uring_setup, 1, 0, seccomp profiles of container engines",
        "io_uring_setup, 1, '', seccomp profiles of container engines",
        "io_uring_setup, 38, 0, This kernel has no io_uring",
        "io_uring_setup, 12, 0, limit of locked memory",
        "io_uring_setup, 24, 0, limit of open files",
        "io_uring_setup, 22, 0, It needs Linux 6.1 or newer",
        "io_uring_enter, 5, 0, Use the epoll backend"
    })
    void theReasonSaysWhatStandsInTheWayAndWhatCanBeDone(String call, int errno, String setting, String expected) {
        assertThat(UringAvailability.describe(new TransportException(call, errno), setting))
                .startsWith("io_uring failed its self-test, " + call + ": " + Errno.describe(errno))
                .contains(expected)
                .containsIgnoringCase("use the epoll backend")
                .doesNotContain("\n");
    }

    @Test
    void withoutNativeAccessTheReasonNamesTheFlag() throws Exception {
        assumeTrue(System.getProperty("os.name").equals("Linux"), "needs Linux");
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                UringAvailabilityTest.class.getName());
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        assertThat(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                .isEqualTo("io_uring needs native access: start the JVM with --enable-native-access=ALL-UNNAMED\n");
    }

    /** The child. */
    public static void main(String[] arguments) {
        System.out.println(UringMechanism.unavailableReason());
        assertThatThrownBy(UringMechanism::new).isInstanceOf(UnsupportedOperationException.class);
    }
}
