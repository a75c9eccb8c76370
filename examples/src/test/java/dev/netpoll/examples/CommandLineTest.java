// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CommandLineTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'' | missing command",
                "dance | 'dance'",
                "serve | --listen",
                "serve --listen | --listen",
                "serve --listen 127.0.0.1 | 127.0.0.1",
                "serve --listen 127.0.0.1:99999 | 99999",
                "serve --listen nowhere.invalid:1 | nowhere.invalid",
                "serve --listen unix:/nowhere/at/all.sock | --listen unix:/nowhere/at/all.sock: cannot listen",
                "serve --listen :0 --backend kqueue | is not one of auto, epoll, io_uring, nio",
                "demo --backend iouring | is not one of auto, epoll, io_uring, nio",
                "serve --listen :0 --dispatch sometimes | sometimes",
                "serve --listen :0 --loops 0 | --loops",
                "serve --listen :0 --loops many | many",
                "serve --listen :0 --work-ms -1 | --work-ms",
                "serve --listen :0 --work-ms 1 --dispatch inline | --dispatch adaptive or virtual",
                "serve --listen :0 --fast | --fast",
                "demo --seconds 0 | --seconds",
                "demo --connections -5 | --connections",
                "demo surprise | surprise",
            })
    void answersAMistakeWithOneLineAndStatusTwo(String arguments, String about) {
        assertThat(run(arguments)).isEqualTo(2);
        assertThat(err.toString().lines())
                .singleElement()
                .asString()
                .startsWith("netpoll")
                .contains(about);
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void refusesAPortThatIsTaken() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String address = "127.0.0.1:" + taken.getLocalPort();
            assertThat(run("serve --listen " + address)).isEqualTo(2);
            assertThat(err.toString().lines()).singleElement().asString().contains(address);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "--help,demo",
        "serve --help,--work-ms",
        "serve --help,io_uring",
        "demo --help,--connections",
        "demo --help,io_uring",
        "--version,netpoll"
    })
    void helpsOnStandardOutput(String arguments, String about) {
        assertThat(run(arguments)).isZero();
        assertThat(out.toString()).contains(about);
        assertThat(err.toString()).isEmpty();
    }

    private int run(String arguments) {
        String[] words = arguments.isEmpty() ? new String[0] : arguments.split(" ", -1);
        return Main.commandLine()
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(words);
    }
}
