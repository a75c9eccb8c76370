// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.ConnectionClosedException;
import dev.netpoll.Dispatch;
import dev.netpoll.Protocol;
import dev.netpoll.buffer.Reader;
import dev.netpoll.internal.endpoint.DialAttempt;
import dev.netpoll.internal.endpoint.Lookups;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.testkit.NetworkFaults;
import dev.netpoll.testkit.internal.MemoryNetwork;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Another thread has asked to close a connection, and the loop has not got round to it. The stream 1, 2, 3 has come:
 * 1 is read, 2 is in the reader's buffer, 3 in the inbox.
 */
class CloseUnderReaderTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final MemoryNetwork network = new MemoryNetwork(1, NetworkFaults.none());
    private final CountDownLatch heldUp = new CountDownLatch(1);
    private final CountDownLatch goOn = new CountDownLatch(1);
    private final long blocksBefore = SegmentPool.shared().outstandingBlocks();
    private EventLoop loop;
    private SocketConnection connection;

    @BeforeEach
    void open() throws Exception {
        loop = new EventLoop(network.openPoller(), "loop-under-test", true);
        loop.start();
        InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        InetSocketAddress address = (InetSocketAddress)
                network.bind(any, new ListenOptions(0, false, false)).localAddress();
        connection = new DialAttempt(network, new Lookups(), loop, config(), null, PATIENCE, null).dial(address);
    }

    @AfterEach
    void letTheLoopEnd() throws InterruptedException {
        goOn.countDown();
        loop.stop();
        assertThat(loop.join(PATIENCE)).isTrue();
        assertThat(SegmentPool.shared().outstandingBlocks()).isEqualTo(blocksBefore);
    }

    @Test
    void theStreamHasNoHoleAfterRelease() throws Exception {
        streamHasNoHoleAfter(Reader::release);
    }

    @Test
    void theStreamHasNoHoleAfterALookAtWhatIsReadable() throws Exception {
        streamHasNoHoleAfter(Reader::readableBytes);
    }

    @Test
    void whoClosesReadsNothingMore() throws Exception {
        readTheFirstAndHoldTheLoopUp();
        connection.close();
        assertThatThrownBy(connection.reader()::readByte).isInstanceOf(ConnectionClosedException.class);
    }

    @Test
    void aReadAfterAnotherThreadHasClosedFails() throws Exception {
        readTheFirstAndHoldTheLoopUp();
        closeElsewhere();
        assertThatThrownBy(connection.reader()::readByte).isInstanceOf(ConnectionClosedException.class);
        connection.reader().release();
    }

    private void streamHasNoHoleAfter(Consumer<Reader> call) throws Exception {
        readTheFirstAndHoldTheLoopUp();
        closeElsewhere();
        Reader in = connection.reader();
        call.accept(in);
        assertThatThrownBy(in::readByte).isInstanceOf(ConnectionClosedException.class);
        assertThat(in.readableBytes()).isZero();
        assertThatThrownBy(() -> in.read(new byte[1], 0, 1)).isInstanceOf(ConnectionClosedException.class);
    }

    /** The test's thread becomes the reader. */
    private void readTheFirstAndHoldTheLoopUp() throws Exception {
        deliver(1, 2);
        assertThat(connection.reader().readByte()).isEqualTo((byte) 1);
        deliver(3);
        loop.execute(this::holdUp);
        assertThat(heldUp.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    }

    private void closeElsewhere() throws InterruptedException {
        Thread closer = Thread.startVirtualThread(connection::abort);
        assertThat(closer.join(PATIENCE)).isTrue();
        assertThat(connection.has(ConnectionState.CLOSING)).isTrue();
        assertThat(connection.has(ConnectionState.CLOSED)).isFalse();
    }

    private void holdUp() {
        heldUp.countDown();
        try {
            goOn.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void deliver(int... bytes) throws InterruptedException {
        var block = SegmentPool.shared().allocate(bytes.length);
        for (int i = 0; i < bytes.length; i++) {
            block.memory().set(ValueLayout.JAVA_BYTE, i, (byte) bytes[i]);
        }
        CountDownLatch done = new CountDownLatch(1);
        loop.execute(() -> {
            connection.received(Segment.filled(block, bytes.length));
            done.countDown();
        });
        done.await();
    }

    private static ConnectionConfig config() {
        return new ConnectionConfig(Protocol.builder()
                .onError((connection, error) -> {})
                .dispatch(Dispatch.virtual())
                .readTimeout(PATIENCE)
                .build());
    }
}
