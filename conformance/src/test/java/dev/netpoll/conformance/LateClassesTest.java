// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.conformance.support.ChildJvm;
import dev.netpoll.conformance.support.EchoMain;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a server needs to serve and to end connections is loaded before there is one. A class that is first used when
 * there is no descriptor to open its file with, or no memory, is unusable for good, and so is the server.
 */
@Variants(transports = Transport.TCP4, modes = Mode.VIRTUAL)
class LateClassesTest extends ConformanceTest {
    private static final String LARGE = "x".repeat(100_000);

    @TempDir
    Path directory;

    private Path log() {
        return directory.resolve("loaded");
    }

    @Test
    void noClassIsLoadedOnceAServerListens() throws Exception {
        Process child = new ProcessBuilder(ChildJvm.command(
                        List.of("-Xmx64m", "-Xlog:class+load:file=" + log()), EchoMain.class, variant.backend()))
                .redirectErrorStream(true)
                .start();
        try (BufferedReader out = child.inputReader(StandardCharsets.UTF_8)) {
            int port = Integer.parseInt(out.readLine());
            List<String> before = loaded();
            serve(new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port));
            List<String> late = loaded();
            late.removeAll(before);
            assertThat(late).isEmpty();
        } finally {
            child.destroyForcibly();
            child.waitFor();
        }
    }

    private List<String> loaded() throws IOException {
        try (Stream<String> lines = Files.lines(log())) {
            return new ArrayList<>(lines.map(line -> line.replaceFirst(".*?(\\S+) source: .*", "$1"))
                    .filter(name -> name.startsWith("dev.netpoll."))
                    .filter(name -> !name.startsWith("dev.netpoll.conformance."))
                    .filter(name -> !name.contains("$$Lambda")) // one that could not be made is made the next time
                    .toList());
        }
    }

    /** Lets connections be served and end in each way. */
    private void serve(InetSocketAddress server) throws Exception {
        for (int round = 0; round < 20; round++) {
            RawPeer peer = net.connectRaw(server);
            peer.send("x");
            assertThat(peer.receiveText(1)).isEqualTo("x");
            peer.close();
            RawPeer finished = net.connectRaw(server);
            finished.send(LARGE).finish();
            assertThat(finished.receiveText(LARGE.length())).isEqualTo(LARGE);
            assertThat(finished.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
            RawPeer broken = net.connectRaw(server);
            broken.send(LARGE);
            broken.receiveText(1);
            broken.reset();
        }
        RawPeer deaf = net.connectRaw(server);
        deaf.sendUntilStuck(Duration.ofMillis(100), 64 << 20);
        deaf.reset();
        RawPeer last = net.connectRaw(server);
        last.send("x");
        assertThat(last.receiveText(1)).isEqualTo("x");
    }
}
