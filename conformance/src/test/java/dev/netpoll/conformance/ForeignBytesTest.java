// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawListener;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A view that can be looked at shows what was received, whatever has become of its connection, and nothing else. */
@Variants(transports = Transport.TCP4, modes = Mode.VIRTUAL)
class ForeignBytesTest extends ConformanceTest {
    private static final int LENGTH = 200;
    private static final int OTHERS = 24;
    private static final byte MINE = 'm';
    private static final byte FOREIGN = 'f';
    private static final Duration IDLE = Duration.ofMillis(60);

    /** How the connection ends. */
    private interface End {
        End IDLE_TIMEOUT = (connection, peer) -> connection.setIdleTimeout(IDLE);
        End RESET = (connection, peer) -> peer.reset();
        End DETACHED = (connection, peer) -> connection.detach().close();

        void of(Connection connection, RawPeer peer) throws Exception;
    }

    /** What a caller keeps of a connection that it forgets. */
    private interface Keep<T> {
        T of(Connection connection) throws Exception;
    }

    @Test
    void aViewByNext() throws Exception {
        staysMine(connection -> connection.reader().next(LENGTH), End.IDLE_TIMEOUT);
    }

    @Test
    void aViewByPeek() throws Exception {
        staysMine(connection -> connection.reader().peek(LENGTH), End.IDLE_TIMEOUT);
    }

    @Test
    void aViewWhoseReaderHasReadOn() throws Exception {
        staysMine(
                connection -> {
                    MemorySegment view = connection.reader().next(LENGTH);
                    connection.reader().skip(1);
                    return view;
                },
                End.IDLE_TIMEOUT);
    }

    @Test
    void aViewAsAByteBuffer() throws Exception {
        byteBufferStaysMine(connection -> connection.reader().nextBuffer(LENGTH));
    }

    @Test
    void aViewOfAReaderThatHasTerminated() throws Exception {
        staysMine(
                connection ->
                        Background.call(() -> connection.reader().next(LENGTH)).result(),
                End.IDLE_TIMEOUT);
    }

    @Test
    void aViewOfAConnectionThatBroke() throws Exception {
        staysMine(connection -> connection.reader().next(LENGTH), End.RESET);
    }

    @Test
    void aViewOfAConnectionThatIsDetachedByAnotherThread() throws Exception {
        staysMine(
                connection ->
                        Background.call(() -> connection.reader().next(LENGTH)).result(),
                End.DETACHED);
    }

    @Test
    void aViewOfUnreadBytesWhoseConnectionIsDetached() throws Exception {
        staysMine(connection -> connection.reader().peek(LENGTH), End.DETACHED);
    }

    @Test
    void aSlice() throws Exception {
        try (RawListener listener = net.listenRaw()) {
            var slice = forgotten(listener, connection -> connection.reader().slice(LENGTH), End.IDLE_TIMEOUT);
            collectAndReceive(listener, () -> assertThat(slice.toByteArray()).containsOnly(MINE));
            slice.close();
        }
    }

    private void staysMine(Keep<MemorySegment> keep, End end) throws Exception {
        try (RawListener listener = net.listenRaw()) {
            MemorySegment view = forgotten(listener, keep, end);
            collectAndReceive(
                    listener,
                    () -> assertThat(view.toArray(ValueLayout.JAVA_BYTE))
                            .as("the view")
                            .hasSize(LENGTH)
                            .containsOnly(MINE));
        }
    }

    private void byteBufferStaysMine(Keep<ByteBuffer> keep) throws Exception {
        try (RawListener listener = net.listenRaw()) {
            ByteBuffer view = forgotten(listener, keep, End.IDLE_TIMEOUT);
            collectAndReceive(listener, () -> {
                byte[] bytes = new byte[LENGTH];
                view.get(0, bytes);
                assertThat(bytes).as("the view").containsOnly(MINE);
            });
        }
    }

    /** Has the collector run, then many connections receive, and then checks; several times. */
    private void collectAndReceive(RawListener listener, Background.Action check) throws Exception {
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < 2; i++) {
                System.gc();
                Await.within(Timing.SHORT, () -> false); // a cleaner has its time
            }
            List<Connection> others = new ArrayList<>();
            try {
                for (int i = 0; i < OTHERS; i++) {
                    others.add(receivesForeign(listener));
                }
                check.run();
            } finally {
                others.forEach(Connection::close);
            }
        }
    }

    private Connection receivesForeign(RawListener listener) throws Exception {
        byte[] foreign = new byte[LENGTH];
        Arrays.fill(foreign, FOREIGN);
        Connection connection = net.dialer().build().dial(listener.address());
        net.closing(listener.accept()).send(foreign);
        Await.until("it came", () -> connection.reader().readableBytes() == LENGTH);
        return connection;
    }

    /** In a method of its own, so that nothing refers to the connection afterwards. */
    private <T> T forgotten(RawListener listener, Keep<T> keep, End end) throws Exception {
        Connection connection = net.dialer()
                .options(ConnectionOptions.builder().readTimeout(Timing.LONG).build())
                .build()
                .dial(listener.address());
        RawPeer peer = net.closing(listener.accept());
        byte[] mine = new byte[LENGTH + 1];
        Arrays.fill(mine, MINE);
        peer.send(mine);
        T kept = keep.of(connection);
        end.of(connection, peer);
        Await.until("it has ended", () -> !connection.isActive());
        return kept;
    }

    @Test
    void memoryThatNobodyCanLookAtComesBack() throws Exception {
        net.awaitMemory("earlier tests have ended", () -> net.group().connectionCount() == 0);
        long before = LeakCheck.outstandingBlocks();
        try (RawListener listener = net.listenRaw()) {
            for (int i = 0; i < OTHERS; i++) {
                forgotten(listener, connection -> connection.reader().readByte(), End.IDLE_TIMEOUT);
            }
        }
        // A loop may keep a block that it receives into.
        long allowed = before + net.group().loops();
        net.awaitMemory("the memory is back", () -> {
            System.gc();
            return LeakCheck.outstandingBlocks() <= allowed;
        });
    }

    @Test
    void memoryWhoseViewsWereForgottenComesBack() throws Exception {
        net.awaitMemory("earlier tests have ended", () -> net.group().connectionCount() == 0);
        long before = LeakCheck.outstandingBlocks();
        try (RawListener listener = net.listenRaw()) {
            for (int i = 0; i < OTHERS; i++) {
                forgotten(listener, connection -> connection.reader().next(LENGTH), End.IDLE_TIMEOUT);
            }
        }
        long allowed = before + net.group().loops();
        net.awaitMemory("the memory is back", () -> {
            System.gc();
            return LeakCheck.outstandingBlocks() <= allowed;
        });
    }
}
