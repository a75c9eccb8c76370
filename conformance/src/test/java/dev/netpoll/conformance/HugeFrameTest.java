// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A frame that is allowed, and larger than all the memory there is for buffers, costs its own connection only. */
@Variants(transports = Transport.TCP4, modes = Mode.VIRTUAL)
class HugeFrameTest extends ConformanceTest {
    private static final int FRAME_BYTES = 60 << 20;

    @Test
    void aFrameForWhichThereIsNoMemoryDoesNotStopTheOthers() throws Exception {
        Process child = new ProcessBuilder(ChildJvm.command(
                        List.of("-Xmx128m", "-Ddev.netpoll.memory.max=48m"),
                        EchoMain.class,
                        variant.backend(),
                        EchoMain.FRAMED))
                .redirectErrorStream(true)
                .start();
        try (BufferedReader out = child.inputReader(StandardCharsets.UTF_8)) {
            int port = Integer.parseInt(out.readLine());
            InetSocketAddress server = new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port);
            CompletableFuture<Void> huge = new CompletableFuture<>();
            Thread sender = Thread.ofVirtual().start(() -> {
                try {
                    sendHuge(server);
                    huge.complete(null);
                } catch (Throwable t) {
                    huge.completeExceptionally(t);
                }
            });
            assertThatThrownBy(() -> huge.get(30, TimeUnit.SECONDS))
                    .as("its connection ends")
                    .isInstanceOf(ExecutionException.class)
                    .hasRootCauseInstanceOf(IOException.class);
            sender.join();
            for (int i = 0; i < 10; i++) {
                try (RawPeer other = net.connectRaw(server)) {
                    other.send("\0\0\0\2ok");
                    assertThat(other.receiveText(6)).isEqualTo("\0\0\0\2ok");
                }
            }
        } finally {
            child.destroyForcibly();
            child.waitFor();
        }
    }

    private void sendHuge(InetSocketAddress server) throws IOException {
        try (RawPeer peer = net.connectRaw(server)) {
            peer.send(ByteBuffer.allocate(Integer.BYTES).putInt(FRAME_BYTES).array());
            byte[] part = new byte[1 << 20];
            for (int sent = 0; sent < FRAME_BYTES - part.length; sent += part.length) {
                peer.send(part);
            }
            peer.receiveText(1); // the last part is missing
        }
    }
}
