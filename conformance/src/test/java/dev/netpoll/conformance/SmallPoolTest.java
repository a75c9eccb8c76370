// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.ChildJvm;
import dev.netpoll.conformance.support.EchoMain;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Peers that leave large messages behind, in a process whose buffers all of them together fill many times. */
@Variants(transports = Transport.TCP4, modes = Mode.VIRTUAL)
class SmallPoolTest extends ConformanceTest {
    private static final int PEERS = 8;
    private static final int MESSAGES = 50;
    private static final int MESSAGE_BYTES = 600_000;
    private static final int ANSWERED_BYTES = 50_000;

    /** How long a peer waits for the server to read. */
    private static final Duration PATIENCE = Duration.ofMillis(300);

    /**
     * How long an exchange may take once the peers have gone: connections of theirs that were not accepted yet come
     * first, ten in a second while the memory is used up.
     */
    private static final Duration SOON = Duration.ofSeconds(30);

    @Test
    @Timeout(120)
    void largeMessagesLeftBehindDoNotKeepLaterPeersWaiting() throws Exception {
        Process child = new ProcessBuilder(ChildJvm.command(
                        List.of("-Xmx128m", "-Ddev.netpoll.memory.max=4m"),
                        EchoMain.class,
                        variant.backend(),
                        EchoMain.FRAMED))
                .redirectErrorStream(true)
                .start();
        try (BufferedReader out = child.inputReader(StandardCharsets.UTF_8)) {
            int port = Integer.parseInt(out.readLine());
            Background<Void> log = Background.run(() -> skipRest(out));
            InetSocketAddress server = new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port);
            List<Background<Void>> peers = new ArrayList<>();
            for (int i = 0; i < PEERS; i++) {
                peers.add(Background.runOnPlatformThread(() -> leaveMessages(server)));
            }
            for (Background<Void> peer : peers) {
                peer.result();
            }
            for (int i = 0; i < 10; i++) { // what was left behind may cost others their connection, for a while
                assertThat(Await.within(SOON, () -> isAnswered(server)))
                        .as("exchange %d", i)
                        .isTrue();
            }
            child.destroyForcibly();
            log.result();
        } finally {
            child.destroyForcibly();
            child.waitFor();
        }
    }

    /** Reads the log, so that the child never waits for its reader. */
    private static void skipRest(BufferedReader out) {
        try {
            out.transferTo(Writer.nullWriter());
        } catch (IOException closed) {
            // with the child
        }
    }

    /** Sends whole messages, and parts of some, and leaves without reading the answers. */
    private void leaveMessages(InetSocketAddress server) throws IOException {
        for (int i = 0; i < MESSAGES; i++) {
            try (RawPeer peer = net.connectRaw(server)) {
                ByteBuffer left = ByteBuffer.wrap(message(MESSAGE_BYTES));
                left.limit(i % 3 == 0 ? left.limit() / 2 : left.limit());
                while (left.hasRemaining() && Await.within(PATIENCE, () -> isTaken(peer, left))) {
                    // as long as the server reads
                }
                if (i % 2 == 0) {
                    peer.reset();
                }
            }
        }
    }

    private static boolean isTaken(RawPeer peer, ByteBuffer left) {
        try {
            return peer.channel().write(left) > 0;
        } catch (IOException gone) {
            return false;
        }
    }

    /** {@return whether the server answers a request soon, instead of ending the connection for lack of memory} */
    private boolean isAnswered(InetSocketAddress server) throws IOException {
        byte[] request = message(ANSWERED_BYTES);
        ByteBuffer answer = ByteBuffer.allocate(request.length);
        AtomicBoolean ended = new AtomicBoolean();
        try (RawPeer peer = net.connectRaw(server)) {
            peer.send(request);
            boolean soon = Await.within(SOON, () -> {
                ended.set(isAtEnd(peer, answer));
                return ended.get() || !answer.hasRemaining();
            });
            assertThat(soon)
                    .as("an answer or an end, after %d bytes", answer.position())
                    .isTrue();
        }
        return !ended.get();
    }

    private static boolean isAtEnd(RawPeer peer, ByteBuffer to) {
        try {
            return peer.channel().read(to) < 0;
        } catch (IOException reset) {
            return true;
        }
    }

    private static byte[] message(int bytes) {
        return ByteBuffer.allocate(Integer.BYTES + bytes).putInt(bytes).array();
    }
}
