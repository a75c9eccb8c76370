// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.poll.epoll.EpollMechanism;
import dev.netpoll.internal.poll.nio.NioMechanism;
import dev.netpoll.internal.poll.uring.UringMechanism;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A JVM of its own, for tests that use something up. */
public final class Child {
    /** What a child says when all went well. */
    public static final String DONE = "done";

    private static final int SECONDS = 50;

    private Child() {}

    /** Runs the main method of a class, and expects it to say {@link #DONE}; {@return all that it said} */
    public static String run(Class<?> main, List<String> options, String... arguments) throws Exception {
        return run(List.of(), System.getProperty("java.class.path"), main, options, arguments);
    }

    /** Like the other, with a program that starts it, such as {@code prlimit}, and another class path. */
    public static String run(
            List<String> launcher, String classPath, Class<?> main, List<String> options, String... arguments)
            throws Exception {
        List<String> command = new ArrayList<>(launcher);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-ea", "-Xmx128m", "--enable-native-access=ALL-UNNAMED"));
        command.addAll(options);
        command.addAll(List.of("-cp", classPath, main.getName()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        Thread watchdog = Thread.startVirtualThread(() -> {
            try {
                if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                }
            } catch (InterruptedException e) {
                // The child has ended.
            }
        });
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int status = process.waitFor();
        watchdog.interrupt();
        assertThat(output.lines()).contains(DONE); // not as the last line: the library logs on a thread of its own
        assertThat(status).as(output).isZero();
        return output;
    }

    /** {@return the names of the backends that can be had here} */
    public static Stream<String> backends() {
        Stream.Builder<String> names = Stream.builder();
        if (EpollMechanism.unavailableReason() == null) {
            names.add("epoll");
        }
        if (UringMechanism.unavailableReason() == null) {
            names.add("io_uring");
        }
        return names.add("nio").build();
    }

    static Mechanism backend(String name) {
        return switch (name) {
            case "epoll" -> new EpollMechanism();
            case "io_uring" -> new UringMechanism();
            default -> new NioMechanism();
        };
    }
}
