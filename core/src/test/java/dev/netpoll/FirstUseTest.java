// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.internal.poll.Child;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A handler that has used up its stack may be the first of the process who needs a class. One that fails to initialise
 * fails for good, so whoever has a group has the others ready. In a JVM of its own for each.
 */
class FirstUseTest {
    private static final int STACK = 256 << 10;

    @ParameterizedTest
    @ValueSource(strings = {"dialer", "options", "server", "adopt"})
    void whereTheStackEndsSpoilsNothing(String use) throws Exception {
        Child.run(FirstUseTest.class, List.of("-Ddev.netpoll.checked=false"), use);
    }

    /** The child. */
    public static void main(String[] args) throws Exception {
        try (EventLoopGroup group =
                EventLoopGroup.builder().backend(Backend.NIO).build()) { // a choice is logged
            Callable<?> use = switch (args[0]) {
                case "dialer" -> () -> Dialer.builder().group(group).build();
                case "options" ->
                    () -> ConnectionOptions.builder()
                            .readTimeout(Duration.ofSeconds(1))
                            .build();
                case "server" ->
                    () -> Server.builder().group(group).onRequest(c -> {}).build();
                default -> () -> DetachedSocket.of(0);
            };
            Thread thread = new Thread(null, () -> dive(use), "brink", STACK);
            thread.start();
            thread.join();
            use.call();
        }
        Instant end = Instant.now();
        System.out.println(end.isAfter(Instant.EPOCH) ? Child.DONE : "the clock is wrong");
    }

    /** At each depth, from where nothing is left upwards. */
    @SuppressWarnings("InfiniteRecursion") // that is what it is for
    private static void dive(Callable<?> use) {
        try {
            dive(use);
        } catch (StackOverflowError end) {
            // the frame above has a little more room
        }
        try {
            use.call();
        } catch (StackOverflowError end) {
            throw end;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
