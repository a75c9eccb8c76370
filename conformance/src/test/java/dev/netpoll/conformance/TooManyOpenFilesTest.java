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
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server that runs out of descriptors; in a JVM of its own, as the limit is the process's. */
@Variants(transports = Transport.TCP4, modes = Mode.VIRTUAL)
class TooManyOpenFilesTest extends ConformanceTest {
    private static final int LIMIT = 100;

    @TempDir
    Path directory;

    @Test
    void acceptingResumesWhenDescriptorsAreFreeAndOpenConnectionsAreServedMeanwhile() throws Exception {
        Assumptions.assumeTrue(Files.isExecutable(Path.of("/bin/sh")), "no shell to limit descriptors with");
        Path log = directory.resolve("log");
        Process child =
                new ProcessBuilder(command()).redirectError(log.toFile()).start();
        try (BufferedReader out = child.inputReader(StandardCharsets.UTF_8)) {
            int port = Integer.parseInt(out.readLine());
            List<RawPeer> peers = new ArrayList<>();
            for (int i = 0; i < 2 * LIMIT; i++) {
                RawPeer peer = net.connectRaw(
                        new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port));
                peer.send("x");
                peers.add(peer);
            }
            assertThat(peers.getFirst().receiveText(1)).isEqualTo("x");
            assertThat(peers.getLast().receiveNow(1))
                    .as("it cannot have been accepted")
                    .isEmpty();
            for (int i = 0; i < 10; i++) {
                peers.getFirst().send("y");
                assertThat(peers.getFirst().receiveText(1)).isEqualTo("y");
            }
            peers.getFirst().close();
            for (RawPeer peer : peers.subList(1, peers.size())) {
                assertThat(peer.receiveText(1)).isEqualTo("x");
                peer.close();
            }
            assertThat(child.isAlive()).isTrue();
        } catch (AssertionError failure) {
            throw new AssertionError(failure.getMessage() + "; the server logged: " + Files.readString(log), failure);
        } finally {
            child.destroy();
            child.waitFor();
        }
        assertThat(Files.readAllLines(log))
                .as("the log tells it, not each time")
                .hasSizeLessThan(20);
    }

    private List<String> command() {
        // The JVM would raise the soft limit to the hard one; ulimit lowers both.
        String script = "ulimit -n " + LIMIT + "; exec \"$0\" \"$@\"";
        List<String> command = new ArrayList<>(List.of("/bin/sh", "-c", script));
        command.addAll(ChildJvm.command(List.of("-Xmx64m"), EchoMain.class, variant.backend()));
        return command;
    }
}
