// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.internal.poll.Child;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The first use of the library in a process may come at a moment when threads or descriptors are short. It fails, and
 * once they are there again everything works, on the backend that was wanted. In a JVM of its own for each.
 */
class ShortageAtFirstUseTest {
    private static final List<String> SMALL = List.of(
            "-XX:+UseSerialGC", "-XX:CICompilerCount=2", "-XX:ActiveProcessorCount=2", "-XX:-MaxFDLimit", "-Xmx128m");

    /** A user of its own, whose threads no one else counts. */
    private static final String USER = "45001";

    private static final List<String> FEW_THREADS =
            List.of("setpriv", "--reuid", USER, "--clear-groups", "prlimit", "--nproc=60");

    static Stream<String> threadCases() {
        return Child.backends().flatMap(name -> Stream.of("group", "listen").map(first -> name + " " + first));
    }

    /** Not NIO, whose classes are the JDK's. */
    static Stream<String> nativeBackends() {
        return Child.backends().filter(name -> !name.equals("nio"));
    }

    @ParameterizedTest
    @MethodSource("threadCases")
    void aLackOfThreadsPasses(String testCase, @TempDir Path dir) throws Exception {
        Assumptions.assumeTrue(
                isThere("setpriv") && isThere("prlimit") && limitsThreads(),
                "only root can start a process whose threads are limited, with setpriv and prlimit");
        Child.run(
                FEW_THREADS,
                archive(dir),
                ShortageAtFirstUseTest.class,
                SMALL,
                ("threads " + testCase + " " + hasEpoll()).split(" "));
    }

    @ParameterizedTest
    @MethodSource("nativeBackends")
    void aLackOfDescriptorsPasses(String backend, @TempDir Path dir) throws Exception {
        Assumptions.assumeTrue(isThere("prlimit"), "only prlimit limits the descriptors of a process");
        Child.run(
                List.of("prlimit", "--nofile=150"),
                archive(dir),
                ShortageAtFirstUseTest.class,
                SMALL,
                "descriptors",
                backend,
                "group",
                String.valueOf(hasEpoll()));
    }

    private static boolean hasEpoll() {
        return Child.backends().anyMatch("epoll"::equals);
    }

    private static boolean limitsThreads() throws Exception {
        List<String> probe = new ArrayList<>(FEW_THREADS);
        probe.add("true");
        return new ProcessBuilder(probe).start().waitFor() == 0;
    }

    private static boolean isThere(String program) {
        return Stream.of(System.getenv("PATH").split(":")).anyMatch(dir -> Files.isExecutable(Path.of(dir, program)));
    }

    /** {@return an archive of the library and this class, where every user can read it} */
    private static String archive(Path dir) throws Exception {
        Files.setPosixFilePermissions(dir, PosixFilePermissions.fromString("rwxr-xr-x"));
        Path archive = dir.resolve("classes.jar");
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(archive))) {
            add(EventLoopGroup.class, "", out);
            add(
                    ShortageAtFirstUseTest.class,
                    ShortageAtFirstUseTest.class.getName().replace('.', '/'),
                    out);
        }
        return archive.toString();
    }

    private static void add(Class<?> one, String prefix, JarOutputStream out) throws Exception {
        Path from =
                Path.of(one.getProtectionDomain().getCodeSource().getLocation().toURI());
        try (Stream<Path> all = Files.walk(from)) {
            for (Path each : all.filter(Files::isRegularFile).toList()) {
                String name = from.relativize(each).toString();
                if (name.startsWith(prefix)) {
                    out.putNextEntry(new ZipEntry(name));
                    Files.copy(each, out);
                }
            }
        }
    }

    // ---- the child

    public static void main(String[] arguments) throws Exception {
        Backend backend = Backend.of(arguments[1]);
        EventLoopGroup early = arguments[2].equals("listen")
                ? EventLoopGroup.builder().backend(backend).loops(1).build()
                : null;
        Runnable end = arguments[0].equals("threads") ? hogThreads() : hogDescriptors();
        try {
            use(early, backend);
            System.out.println("it worked, so nothing was short");
        } catch (OutOfMemoryError | IOException | UnsupportedOperationException | IllegalStateException e) {
            System.out.println("refused: " + e);
        }
        end.run();
        for (int i = 0; i < 2; i++) {
            use(early, backend);
            use(null, backend);
            use(null, Backend.NIO);
            use(null, Backend.AUTO);
        }
        EventLoopGroup shared = EventLoopGroup.shared();
        Backend wanted = Boolean.parseBoolean(arguments[3]) ? Backend.EPOLL : Backend.NIO;
        assertThatIs(shared.backend() == wanted, shared.backend());
        System.out.println(Child.DONE);
        System.exit(0);
    }

    private static void assertThatIs(boolean right, Object what) {
        if (!right) {
            throw new AssertionError(what);
        }
    }

    private static Runnable hogThreads() {
        CountDownLatch end = new CountDownLatch(1);
        List<Thread> hogs = new ArrayList<>();
        try {
            while (hogs.size() < 1000) {
                Thread hog = new Thread(() -> awaitQuietly(end));
                hog.setDaemon(true);
                hog.start();
                hogs.add(hog);
            }
        } catch (OutOfMemoryError e) {
            // no more threads
        }
        assertThatIs(hogs.size() < 1000, "threads have no limit here");
        return () -> {
            end.countDown();
            for (Thread hog : hogs) {
                joinQuietly(hog);
            }
        };
    }

    /** Leaves one, with which classes can be loaded. */
    private static Runnable hogDescriptors() throws IOException {
        List<InputStream> hogs = new ArrayList<>();
        try {
            while (true) {
                hogs.add(new FileInputStream("/dev/null"));
            }
        } catch (IOException e) {
            hogs.removeLast().close();
        }
        return () -> hogs.forEach(ShortageAtFirstUseTest::closeQuietly);
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void joinQuietly(Thread thread) {
        try {
            thread.join(Duration.ofSeconds(TimeUnit.MINUTES.toSeconds(1)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void closeQuietly(InputStream in) {
        try {
            in.close();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Serves one request, in the given group or in a new one. */
    private static void use(EventLoopGroup given, Backend backend) throws IOException {
        EventLoopGroup group = given != null
                ? given
                : EventLoopGroup.builder().backend(backend).loops(1).build();
        try (Server server = Server.builder()
                .group(group)
                .onRequest(c -> c.writer().writeByte(c.reader().readByte()).flush())
                .build()) {
            var address = server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            try (Connection client = Dialer.builder().group(group).build().dial(address)) {
                client.writer().writeByte(7).flush();
                assertThatIs(client.reader().readByte() == 7, "another byte");
            }
        } finally {
            if (given == null) {
                group.close();
            }
        }
    }
}
