// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Backend;
import dev.netpoll.conformance.support.Await;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.ChildJvm;
import dev.netpoll.conformance.support.FullHeapMain;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
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

    @TempDir
    Path directory;

    private Path log() {
        return directory.resolve("log");
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
        failWhenNothingIsLeft('f');
    }

    @Test
    void aHandlerThatFailsWhenNothingIsLeftEndsItsConnectionAndTellsOfIt() throws Exception {
        failWhenNothingIsLeft('c');
    }

    /** The first failure of the process, and the first end: whatever they reach is reached for the first time. */
    private void failWhenNothingIsLeft(char command) throws Exception {
        Process child =
                new ProcessBuilder(command(true)).redirectError(log().toFile()).start();
        try (BufferedReader out = child.inputReader(StandardCharsets.UTF_8);
                PrintWriter in = new PrintWriter(child.outputWriter(StandardCharsets.UTF_8), true);
                Socket socket = connect(Integer.parseInt(out.readLine()), PATIENCE_MILLIS)) {
            socket.getOutputStream().write(command);
            assertThat(awaitEnd(socket)).isTrue();
            assertThat(out.readLine()).isEqualTo("full");
            assertThat(out.readLine()).isEqualTo("filled");
            checkEnd(in, out, FullHeapMain.GRACE.toMillis()); // no connection takes any of it
        } finally {
            child.destroyForcibly();
            child.waitFor();
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

    private void leaveWhenNothingIsLeft(boolean reset) throws Exception {
        Process child =
                new ProcessBuilder(command(true)).redirectError(log().toFile()).start();
        try (BufferedReader out = child.inputReader(StandardCharsets.UTF_8);
                PrintWriter in = new PrintWriter(child.outputWriter(StandardCharsets.UTF_8), true)) {
            int port = Integer.parseInt(out.readLine());
            try (Socket asked = connect(port, PATIENCE_MILLIS);
                    Socket silent = connect(port, PATIENCE_MILLIS)) {
                assertThat(ask(asked)).isTrue();
                asked.setSoLinger(reset, 0);
                silent.setSoLinger(reset, 0);
                in.println("fill");
                assertThat(out.readLine()).isEqualTo("full");
            }
            assertThat(out.readLine()).isEqualTo("filled");
            checkEnd(in, out, FullHeapMain.GRACE.toMillis());
        } finally {
            child.destroyForcibly();
            child.waitFor();
        }
    }

    private static void checkEnd(PrintWriter in, BufferedReader out, long millis) throws IOException {
        in.println("end");
        String[] end = out.readLine().split(" ", 5);
        assertThat(Long.parseLong(end[0])).as("ms to close").isLessThan(millis);
        assertThat(end[1]).as("blocks not given back").isEqualTo("0");
        assertThat(end[2]).as("close callbacks not called").isEqualTo("0");
        assertThat(end[3]).as("threads that died, first of all %s", end[4]).isEqualTo("0");
    }

    private static boolean awaitEnd(Socket socket) throws SocketTimeoutException {
        try {
            return socket.getInputStream().read() < 0;
        } catch (SocketTimeoutException neither) {
            throw neither;
        } catch (IOException reset) {
            return true;
        }
    }

    private void run(boolean platformThreads) throws Exception {
        Process child = new ProcessBuilder(command(platformThreads))
                .redirectError(log().toFile())
                .start();
        AtomicBoolean done = new AtomicBoolean();
        List<Thread> clients = new ArrayList<>();
        List<Background<?>> bystanders = new ArrayList<>();
        try (BufferedReader out = child.inputReader(StandardCharsets.UTF_8);
                PrintWriter in = new PrintWriter(child.outputWriter(StandardCharsets.UTF_8), true)) {
            int port = Integer.parseInt(out.readLine());
            for (int i = 0; i < BYSTANDERS; i++) {
                Socket bystander = connect(port, PATIENCE_MILLIS);
                assertThat(ask(bystander)).isTrue();
                bystanders.add(Background.run(() -> askOn(bystander, done)));
            }
            for (int i = 0; i < CLIENTS; i++) {
                clients.add(Thread.startVirtualThread(() -> trouble(port, done)));
            }
            for (int round = 0; round < ROUNDS; round++) {
                in.println("fill");
                assertThat(out.readLine()).isEqualTo("full");
                assertThat(out.readLine())
                        .as("the heap was filled, round %d", round)
                        .isEqualTo("filled");
                for (int i = 0; i < CLIENTS; i++) { // each loop more than once
                    Await.until("a new client is served", () -> echo(port));
                }
            }
            done.set(true);
            for (Background<?> bystander : bystanders) {
                bystander.result();
            }
            checkEnd(in, out, 8000);
        } catch (AssertionError failure) {
            String said = Files.readString(log());
            throw new AssertionError(
                    failure.getMessage() + "; the server said: " + said + "\nand does: " + threads(child), failure);
        } finally {
            done.set(true);
            child.destroyForcibly();
            child.waitFor();
            for (Thread client : clients) {
                client.join();
            }
        }
    }

    private static String threads(Process child) throws IOException {
        String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
        Process dump = new ProcessBuilder(jcmd, String.valueOf(child.pid()), "Thread.print").start();
        return new String(dump.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    /** Connects and asks again and again; whether it is answered meanwhile is not what is tested. */
    private static void trouble(int port, AtomicBoolean done) {
        while (!done.get()) {
            try (Socket socket = connect(port, SOCKET_TIMEOUT_MILLIS)) {
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

    private static Socket connect(int port, int timeoutMillis) throws IOException {
        Socket socket = new Socket(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port);
        socket.setSoTimeout(timeoutMillis);
        return socket;
    }

    private static boolean ask(Socket socket) throws IOException {
        byte[] request = new byte[100];
        socket.getOutputStream().write(request);
        InputStream in = socket.getInputStream();
        return in.readNBytes(request.length).length == request.length;
    }

    private static boolean echo(int port) {
        try (Socket socket = connect(port, SOCKET_TIMEOUT_MILLIS)) {
            return ask(socket);
        } catch (IOException e) {
            return false;
        }
    }

    private List<String> command(boolean platformThreads) {
        return ChildJvm.command(
                List.of("-Xmx40m", "-XX:+UseSerialGC"),
                FullHeapMain.class,
                variant.backend(),
                platformThreads,
                FILL_MILLIS);
    }
}
