// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.ConnectFailedException;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ErrorHandler;
import dev.netpoll.Framing;
import dev.netpoll.PeerClosedException;
import dev.netpoll.Server;
import dev.netpoll.buffer.Reader;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What peers do wrong fills no log: the default error handler tells it in one line at DEBUG, bugs as warnings. */
class PeerCausedLogTest extends ConformanceTest {
    private static final byte[] NEGATIVE = {-1, -1, -1, -1, 0, 0, 0, 0, 0, 0};
    private static final byte[] HUGE = {127, 0, 0, 0, 0, 0, 0, 0, 0, 0};

    private final Logger logger = Logger.getLogger("dev.netpoll");
    private final Queue<LogRecord> records = new ConcurrentLinkedQueue<>();
    private final Handler recorder = new Handler() {
        @Override
        public void publish(LogRecord logged) {
            String message = String.valueOf(logged.getMessage());
            if (message.contains("callback") || message.contains("dropped")) {
                records.add(logged);
            }
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    @BeforeEach
    void record() {
        logger.setLevel(Level.FINE);
        logger.addHandler(recorder);
        logger.setUseParentHandlers(false);
    }

    @AfterEach
    void forget() {
        logger.removeHandler(recorder);
        logger.setUseParentHandlers(true);
        logger.setLevel(null);
    }

    private void assertLogged(Server.Builder builder, byte[] bytes, Level level) throws Exception {
        records.clear();
        Listening server = net.listen(builder.onError(ErrorHandler.LOGGING));
        RawPeer peer = net.connectRaw(server.address());
        peer.send(bytes);
        Await.until("it is logged", () -> !records.isEmpty());
        server.awaitNoConnections();
        assertThat(records).singleElement().satisfies(logged -> {
            assertThat(logged.getLevel()).isEqualTo(level);
            assertThat(logged.getThrown() != null).as("stack").isEqualTo(level != Level.FINE);
            assertThat(logged.getMessage().lines()).hasSize(1);
        });
    }

    private void assertOneLineAtDebug(ConnectionHandler handler, byte[] bytes) throws Exception {
        assertLogged(net.server().onRequest(handler), bytes, Level.FINE);
    }

    @Test
    void lengthsThatMakeNoSenseAreOneLineAtDebug() throws Exception {
        // As in the README. The length comes with its text, so that no variant has to wait.
        ConnectionHandler text = connection -> {
            Reader in = connection.reader();
            String message = in.readUtf8(in.readLength(1 << 20));
            connection.writer().writeUtf8(message).flush();
        };
        assertOneLineAtDebug(text, NEGATIVE);
        assertOneLineAtDebug(text, HUGE);
        assertOneLineAtDebug(connection -> connection.reader().readLengthLE(5), NEGATIVE);
        assertOneLineAtDebug(connection -> connection.reader().readVarLength(5), HUGE);
    }

    @Test
    void numbersThatAreMalformedAreOneLineAtDebug() throws Exception {
        byte[] endless = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
        assertOneLineAtDebug(connection -> connection.reader().readVarInt(), endless);
        assertOneLineAtDebug(connection -> connection.reader().readVarLong(), endless);
        assertOneLineAtDebug(connection -> connection.reader().readVarLength(5), endless);
    }

    @Test
    void framesThatAreTooLargeAreOneLineAtDebug() throws Exception {
        Server.Builder server = net.server().framing(Framing.lengthField(0, 4)).onRequest(connection -> {});
        assertLogged(server, NEGATIVE, Level.FINE);
    }

    @Test
    void aBugOfAHandlerIsAWarningWithItsStack() throws Exception {
        Server.Builder server = net.server().onRequest(connection -> {
            throw new IllegalStateException("a bug");
        });
        assertLogged(server, HUGE, Level.WARNING);
    }

    @Test
    void whatIsNotThePeersIsAWarning() throws Exception {
        assertWarning(connection -> Files.readString(Path.of("no such file")));
        assertWarning(connection -> {
            throw new UncheckedIOException(new NoSuchFileException("no such file"));
        });
    }

    @Test
    void failuresOfOtherConnectionsAreWarningsNowAndThen() throws Exception {
        SocketAddress backend = new InetSocketAddress(InetAddress.getLoopbackAddress(), 1);
        assertFewWarnings(connection -> {
            throw new ConnectFailedException("refused", "connect", null, backend, "ECONNREFUSED");
        });
        assertFewWarnings(connection -> {
            throw new PeerClosedException("finished", "read", connection.localAddress(), backend, null);
        });
    }

    private void assertFewWarnings(ConnectionHandler handler) throws Exception {
        records.clear();
        Listening server = net.listen(net.server().onRequest(handler).onError(ErrorHandler.LOGGING));
        long begin = System.nanoTime();
        int connections = 0;
        while (connections < 20 || records.stream().noneMatch(PeerCausedLogTest::isWarning)) {
            net.connectRaw(server.address()).send("x");
            connections++;
            int sent = connections;
            Await.until("it is logged", () -> records.size() >= sent);
        }
        long seconds = 1 + Duration.ofNanos(System.nanoTime() - begin).toSeconds();
        assertThat(records.stream().filter(PeerCausedLogTest::isWarning).count())
                .isBetween(1L, seconds);
    }

    private static boolean isWarning(LogRecord logged) {
        return logged.getLevel() == Level.WARNING && logged.getThrown() != null;
    }

    private void assertWarning(ConnectionHandler handler) throws Exception {
        assertLogged(net.server().onRequest(handler), HUGE, Level.WARNING);
    }

    @Test
    void theEndOfItsOwnPeerIsOneLineAtDebug() throws Exception {
        assertOneLineAtDebug(
                connection -> {
                    throw new PeerClosedException(
                            "finished", "read", connection.localAddress(), connection.remoteAddress(), null);
                },
                HUGE);
    }
}
