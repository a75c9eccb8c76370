// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** A loop that has nothing to do sleeps, whatever state its sockets are in. */
@Variants(modes = Mode.VIRTUAL)
class SpinTest extends ConformanceTest {
    private static final Duration WATCHED = Duration.ofMillis(50);

    /** The processor time of all loops' threads within a while must be far below that while. */
    private static void assertLoopsSleep(String when) {
        assertThat(LeakCheck.loopThreads()).as("threads to watch").isNotEmpty();
        // Another try, because the work that led here may not be over yet.
        Await.until("the loops sleep " + when, () -> {
            long begin = loopNanos();
            Await.within(WATCHED, () -> false);
            return loopNanos() - begin < WATCHED.toNanos() / 5;
        });
    }

    private static long loopNanos() {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long total = 0;
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (LeakCheck.isLoop(thread)) {
                total += Math.max(0, threads.getThreadCpuTime(thread.threadId()));
            }
        }
        return total;
    }

    @Test
    void whileConnectionsAreOpenAndSilent() throws Exception {
        Listening server = net.serve(Handlers.echo());
        net.connectRaw(server.address()).send("x");
        assertLoopsSleep("while a connection is silent");
    }

    @Test
    void whileAHandlerHasLeftBytesUnread() throws Exception {
        Listening server = net.serve(Handlers.ignore());
        net.connectRaw(server.address()).send("unread");
        Await.until("it is accepted", () -> server.server().connectionCount() == 1);
        assertLoopsSleep("while bytes are unread");
    }

    @Test
    void afterThePeerFinishedAndOurSideStaysOpen() throws Exception {
        Pair pair = net.pair();
        pair.peer().send("unread").finish();
        Await.until("the end is noticed", () -> !pair.connection().isActive());
        assertLoopsSleep("after the peer finished");
    }

    @Test
    void afterThePeerIsGoneAndNobodyHasClosed() throws Exception {
        Pair pair = net.pair();
        pair.connection().writer().writeUtf8("hi").flush();
        pair.peer().receive(1);
        pair.peer().reset();
        Await.until("the reset is noticed", () -> !pair.connection().isActive());
        assertLoopsSleep("after a reset");
    }

    @Test
    void whileReadingIsPausedAndThePeerIsGone() throws Exception {
        Pair pair = net.pair();
        pair.connection().pauseReading();
        pair.peer().send("unread").close();
        assertLoopsSleep("while reading is paused");
        pair.connection().resumeReading();
        assertThat(pair.connection().reader().readUtf8(6)).isEqualTo("unread");
    }

    @Test
    void whileThePeerFloodsAPausedConnection() throws Exception {
        Pair pair =
                net.pair(ConnectionOptions.builder().inboundMarks(1024, 2048).build());
        pair.peer().sendUntilStuck(Duration.ofMillis(50), 64 << 20);
        assertLoopsSleep("while input is above its mark");
    }

    @Test
    void whileOutputWaitsForASlowReader() throws Exception {
        Pair pair = net.pair();
        Connection connection = pair.connection();
        var flush = dev.netpoll.conformance.support.Background.run(
                        () -> connection.writer().writeBytes(new byte[16 << 20]).flush())
                .awaitBlocked();
        assertLoopsSleep("while a flush waits");
        connection.close();
        flush.failure();
    }

    @Test
    void whileConnectionsWaitForAServerThatIsFull() throws Exception {
        Listening server = net.listen(net.server().maxConnections(1).onRequest(Handlers.echo()));
        RawPeer first = net.connectRaw(server.address());
        first.send("x");
        assertThat(first.receiveText(1)).isEqualTo("x");
        net.connectRaw(server.address());
        assertLoopsSleep("while the server is full");
    }
}
