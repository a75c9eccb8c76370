// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Backend;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.ChildJvm;
import dev.netpoll.conformance.support.FullHeapMain;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A server whose heap is full for a while, in a JVM of its own: afterwards all its threads live and serve, and each
 * connection has been answered or has ended.
 */
@Variants(transports = Transport.TCP4, modes = Mode.ADAPTIVE)
class FullHeapTest extends ConformanceTest {
    /** How often, and for how long; a long run of the suite sets more. */
    private static final int ROUNDS = Integer.getInteger("dev.netpoll.fullHeap.rounds", 2);

    private static final int FILL_MILLIS = Integer.getInteger("dev.netpoll.fullHeap.millis", 700);

    private static final int CLIENTS = 8;
    private static final int BYSTANDERS = 3;
    private static final int SOCKET_TIMEOUT_MILLIS = 200;

    /** How long an answer, or the end, may take that follows when there is memory again. */
    private static final int PATIENCE_MILLIS = 10_000;

    private static final Duration CLOSING = Duration.ofSeconds(8);

    @TempDir
    Path directory;

    private Path log() {
        return directory.resolve("log");
    }

    /** The process, and the two lines of talk with it. */
    private final class Child implements AutoCloseable {
        private final Process process;
        private final BufferedReader out;
        private final PrintWriter in;
        private final InetSocketAddress address;

        Child(boolean platformThreads) throws IOException {
            process = new ProcessBuilder(ChildJvm.command(
                            List.of("-Xmx40m", "-XX:+UseSerialGC"),
                            FullHeapMain.class,
                            variant.backend(),
                            platformThreads,
                            FILL_MILLIS))
                    .redirectError(log().toFile())
                    .start();
            out = process.inputReader(StandardCharsets.UTF_8);
            in = new PrintWriter(process.outputWriter(StandardCharsets.UTF_8), true);
            InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
            address = new InetSocketAddress(loopback, Integer.parseInt(out.readLine()));
        }

        void fill() {
            in.println("fill");
        }

        void awaitFull() throws IOException {
            assertThat(out.readLine()).isEqualTo("full");
        }

        void awaitRoom() throws IOException {
            assertThat(out.readLine()).isEqualTo("filled");
        }

        void checkEnd(Duration limit) throws IOException {
            in.println("end");
            String[] end = out.readLine().split(" ", 5);
            assertThat(Long.parseLong(end[0])).as("ms to close").isLessThan(limit.toMillis());
            assertThat(end[1]).as("blocks not given back").isEqualTo("0");
            assertThat(end[2]).as("close callbacks not called").isEqualTo("0");
            assertThat(end[3]).as("threads that died, first of all %s", end[4]).isEqualTo("0");
        }

        String threads() throws IOException {
            String jcmd =
                    Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
            Process dump = new ProcessBuilder(jcmd, String.valueOf(process.pid()), "Thread.print").start();
            return new String(dump.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }

        @Override
        public void close() throws IOException {
            process.destroyForcibly().onExit().join();
            in.close();
            out.close();
        }
    }

    @Test
    void aHeapThatIsFullForAWhileEndsNoThread() throws Exception {
        run(variant.backend() == Backend.IO_URING);
    }

    @Test
    void aHeapThatIsFullForAWhileEndsNoPlatformThreadEither() throws Exception {
        run(true);
    }

    @Test
    void aHandlerThatFailsWhenNothingIsLeftEndsItsConnection() throws Exception {
        failWhenNothingIsLeft("f");
    }

    @Test
    void aHandlerThatFailsWhenNothingIsLeftEndsItsConnectionAndTellsOfIt() throws Exception {
        failWhenNothingIsLeft("c");
    }

    /** The first failure of the process, and the first end: whatever they reach is reached for the first time. */
    private void failWhenNothingIsLeft(String command) throws Exception {
        try (Child child = new Child(true)) {
            net.connectRaw(child.address).send(command).awaitEnd();
            child.awaitFull();
            child.awaitRoom();
            child.checkEnd(FullHeapMain.GRACE); // no connection takes any of it
        }
    }

    @Test
    void aConnectionWhosePeerFinishesWhenNothingIsLeftEnds() throws Exception {
        leaveWhenNothingIsLeft(false);
    }

    @Test
    void aConnectionWhosePeerResetsItWhenNothingIsLeftEnds() throws Exception {
        leaveWhenNothingIsLeft(true);
    }

    private void leaveWhenNothingIsLeft(boolean resets) throws Exception {
        try (Child child = new Child(true)) {
            RawPeer answered = net.connectRaw(child.address);
            RawPeer silent = net.connectRaw(child.address);
            assertThat(answered.send("ping").receiveText(4)).isEqualTo("ping");
            child.fill();
            child.awaitFull();
            for (RawPeer peer : List.of(answered, silent)) {
                if (resets) {
                    peer.reset();
                } else {
                    peer.close();
                }
            }
            child.awaitRoom();
            child.checkEnd(FullHeapMain.GRACE);
        }
    }

    private void run(boolean platformThreads) throws Exception {
        AtomicBoolean done = new AtomicBoolean();
        List<Background<?>> clients = new ArrayList<>();
        try (Child child = new Child(platformThreads)) {
            try {
                run(child, done, clients);
            } catch (AssertionError failure) {
                done.set(true);
                String said = Files.readString(log());
                throw new AssertionError(
                        failure.getMessage() + "; the server said: " + said + "\nand does: " + child.threads(),
                        failure);
            }
        } finally {
            done.set(true);
        }
        for (Background<?> client : clients) {
            client.result();
        }
    }

    private static void run(Child child, AtomicBoolean done, List<Background<?>> clients) throws Exception {
        List<Background<?>> bystanders = new ArrayList<>();
        for (int i = 0; i < BYSTANDERS; i++) {
            Socket bystander = connect(child.address, PATIENCE_MILLIS);
            assertThat(ask(bystander)).isTrue();
            bystanders.add(Background.run(() -> askOn(bystander, done)));
        }
        clients.addAll(bystanders);
        for (int i = 0; i < CLIENTS; i++) {
            clients.add(Background.run(() -> trouble(child.address, done)));
        }
        for (int round = 0; round < ROUNDS; round++) {
            child.fill();
            child.awaitFull();
            child.awaitRoom();
            for (int i = 0; i < CLIENTS; i++) { // each loop more than once
                Await.until("a new client is served", () -> echo(child.address));
            }
        }
        done.set(true);
        for (Background<?> bystander : bystanders) {
            bystander.result();
        }
        child.checkEnd(CLOSING);
    }

    /** Connects and asks again and again; whether it is answered meanwhile is not what is tested. */
    private static void trouble(InetSocketAddress server, AtomicBoolean done) {
        while (!done.get()) {
            try (Socket socket = connect(server, SOCKET_TIMEOUT_MILLIS)) {
                for (int i = 0; i < 50 && !done.get() && ask(socket); i++) {
                    // Goes on as long as it is answered.
                }
            } catch (IOException e) {
                // It may well be reset.
            }
        }
    }

    /** Asks again and again until the server ends the connection, which it may; but leaving it alone it may not. */
    private static void askOn(Socket socket, AtomicBoolean done) throws SocketTimeoutException {
        try (socket) {
            while (!done.get() && ask(socket)) {
                // Goes on as long as it is answered.
            }
        } catch (SocketTimeoutException neither) {
            throw neither;
        } catch (IOException end) {
            // It was reset.
        }
    }

    private static Socket connect(InetSocketAddress server, int timeoutMillis) throws IOException {
        Socket socket = new Socket(server.getAddress(), server.getPort());
        socket.setSoTimeout(timeoutMillis);
        return socket;
    }

    private static boolean ask(Socket socket) throws IOException {
        byte[] request = new byte[100];
        socket.getOutputStream().write(request);
        InputStream in = socket.getInputStream();
        return in.readNBytes(request.length).length == request.length;
    }

    private static boolean echo(InetSocketAddress server) {
        try (Socket socket = connect(server, SOCKET_TIMEOUT_MILLIS)) {
            return ask(socket);
        } catch (IOException e) {
            return false;
        }
    }
}
