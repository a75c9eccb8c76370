// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionClosedException;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.DetachedSocket;
import dev.netpoll.Dispatch;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.OutputCutException;
import dev.netpoll.Server;
import dev.netpoll.WriteTimeoutException;
import dev.netpoll.buffer.Writer;
import dev.netpoll.conformance.support.Arenas;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A stream that was cut in the middle of a flush can never go on: the connection says so, and says why. */
@Variants(modes = Mode.VIRTUAL)
class CutStreamTest extends ConformanceTest {
    private static final byte[] MUCH = new byte[16 << 20];
    private static final int SMALL = 1 << 16;
    private static final int ROUNDS = 50;
    private static final Duration ABORTED_LATEST = Duration.ofMillis(2);

    private static void writeMuch(Connection connection) throws IOException {
        connection.writer().writeBytes(MUCH).flush();
    }

    @Test
    void afterATimeOutItIsNotActiveAndTheTimeOutIsNamed() throws Exception {
        Pair pair = net.pair();
        pair.connection().setWriteTimeout(Timing.SHORT);
        Throwable failure = catchThrowable(() -> writeMuch(pair.connection()));
        checkTimedOut(pair, failure);
    }

    @Test
    void afterADeadlineItIsNotActiveAndTheTimeOutIsNamed() throws Exception {
        Pair pair = net.pair();
        pair.connection().setWriteDeadline(Instant.now().plus(Timing.SHORT.multipliedBy(3)));
        Throwable failure = catchThrowable(() -> writeMuch(pair.connection()));
        pair.connection().setWriteDeadline(null);
        checkTimedOut(pair, failure);
    }

    private static void checkTimedOut(Pair pair, Throwable failure) {
        assertThat(failure)
                .isInstanceOfSatisfying(
                        WriteTimeoutException.class,
                        e -> assertThat(e.bytesSent()).isBetween(1L, MUCH.length - 1L));
        checkUnusable(pair.connection());
        assertThat(laterFailure(pair.connection()))
                .isInstanceOf(IOException.class)
                .satisfies(e -> assertThat(lowerCase(e)).containsPattern("time-?out|timed out|in time"))
                .satisfies(e -> assertThat(lowerCase(e)).doesNotContain("interrupt"));
    }

    @Test
    void afterAnInterruptItIsNotActiveAndTheInterruptIsNamed() throws Exception {
        Pair pair = net.pair();
        Background<Void> flush =
                Background.run(() -> writeMuch(pair.connection())).awaitBlocked();
        flush.interrupt();
        assertThat(flush.failure())
                .isInstanceOfSatisfying(
                        InterruptedIOException.class,
                        e -> assertThat(e.bytesTransferred).isBetween(1, MUCH.length - 1));
        checkUnusable(pair.connection());
        assertThat(laterFailure(pair.connection()))
                .isInstanceOf(IOException.class)
                .isNotInstanceOf(WriteTimeoutException.class)
                .satisfies(e -> assertThat(lowerCase(e)).contains("interrupt").doesNotContain("time-out"));
    }

    private static void checkUnusable(Connection connection) {
        assertThat(connection.isActive()).as("active").isFalse();
        assertThat(connection.isReusable()).as("reusable").isFalse();
    }

    private static Throwable laterFailure(Connection connection) {
        return catchThrowable(() -> connection.writer().writeByte(1).flush());
    }

    private static String lowerCase(Throwable failure) {
        return String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
    }

    @Test
    void thePeerOfAHandlerThatFailsThereSeesNoOrderlyEnd() throws Exception {
        assumeResets();
        AtomicBoolean failed = new AtomicBoolean();
        Listening server = net.listen(net.server()
                .onRequest(connection -> {
                    connection.setWriteTimeout(Timing.SHORT);
                    connection.reader().readByte();
                    writeMuch(connection);
                })
                .onError((connection, error) -> failed.set(true)));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("x");
        Await.until("the flush is given up", failed::get);
        server.awaitNoConnections();
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.RESET);
    }

    @Test
    void thePeerOfAFlushThatACloseEndsSeesNoOrderlyEnd() throws Exception {
        assumeResets();
        Accepted accepted = accept();
        Background<Void> flush =
                Background.run(() -> writeMuch(accepted.connection)).awaitBlocked();
        accepted.connection.close();
        assertThat(flush.failure()).isInstanceOf(ConnectionClosedException.class);
        assertThat(accepted.peer.awaitEnd()).isEqualTo(RawPeer.End.RESET);
    }

    /** The close and the flush begin together, so the close falls anywhere into the flush. */
    @Test
    void aCloseBesideAFlushNeverEndsInOrderWithinTheFlush() throws Exception {
        assumeResets();
        for (int round = 0; round < ROUNDS; round++) {
            Accepted accepted = accept();
            Writer writer = accepted.connection.writer().writeBytes(MUCH);
            Background<Void> close = Background.run(accepted.connection::close);
            assertThat(catchThrowable(writer::flush)).isInstanceOf(ConnectionClosedException.class);
            assertThat(close.result()).isNull();
            assertThat(accepted.peer.drainOrReset()).isIn(OptionalLong.of(0), OptionalLong.empty());
        }
    }

    /** The abort may find a thread inside a send, which keeps the descriptor open. */
    @Test
    void anAbortBesideAFlushNeverEndsInOrder() throws Exception {
        assumeResets();
        for (int round = 0; round < ROUNDS; round++) {
            Accepted accepted = accept();
            Writer writer = accepted.connection.writer().writeBytes(MUCH);
            long pause = round * ABORTED_LATEST.toNanos() / ROUNDS; // so it falls anywhere into the flush
            Background<Void> abort = Background.run(() -> {
                LockSupport.parkNanos(pause);
                accepted.connection.abort();
            });
            assertThat(catchThrowable(writer::flush)).isInstanceOf(ConnectionClosedException.class);
            assertThat(abort.result()).isNull();
            assertThat(accepted.peer.drainOrReset()).isEmpty();
        }
    }

    @Test
    void thePeerOfAFlushWhoseMemoryIsClosedSeesNoOrderlyEnd() throws Exception {
        assumeResets();
        Accepted accepted = accept();
        Arena arena = Arena.ofShared();
        Writer writer = accepted.connection.writer().writeDirect(arena.allocate(MUCH.length));
        Background<Void> flush = Background.run(writer::flush).awaitBlocked();
        Arenas.close(arena);
        assertThat(accepted.peer.awaitEnd()).isEqualTo(RawPeer.End.RESET);
        assertThat(flush.failure()).isInstanceOf(IllegalStateException.class).hasMessageContaining("writeDirect");
    }

    @Test
    void thePeerOfAChannelClosedWithinAWriteSeesNoOrderlyEnd() throws Exception {
        assumeResets();
        Accepted accepted = accept();
        ByteChannel channel = accepted.connection.asByteChannel();
        ByteBuffer buffer = ByteBuffer.wrap(MUCH);
        Background<Integer> write = Background.call(() -> channel.write(buffer)).awaitBlocked();
        channel.close();
        assertThat(write.failure()).isInstanceOf(ClosedChannelException.class);
        assertThat(buffer.position()).isBetween(1, MUCH.length - 1);
        assertThat(accepted.peer.awaitEnd()).isEqualTo(RawPeer.End.RESET);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void thePeerOfAChannelThatEndsBehindAPartSeesNoOrderlyEnd(boolean shutsDown) throws Exception {
        assumeResets();
        Accepted accepted = accept();
        writeInPart(accepted, ByteBuffer.wrap(MUCH));
        assertThat(accepted.connection.isActive()).isTrue();
        assertThat(accepted.connection.isReusable()).isFalse();
        if (shutsDown) {
            assertThat(catchThrowable(accepted.connection::shutdownOutput)).isInstanceOf(OutputCutException.class);
            assertThat(catchThrowable(accepted.connection::detach)).isInstanceOf(OutputCutException.class);
        }
        accepted.connection.close();
        assertThat(accepted.peer.awaitEnd()).isEqualTo(RawPeer.End.RESET);
    }

    @Test
    void aChannelThatHasWrittenTheRestEndsInOrder() throws Exception {
        Accepted accepted = accept();
        ByteBuffer buffer = ByteBuffer.wrap(MUCH);
        writeInPart(accepted, buffer);
        accepted.connection.setWriteTimeout(Timing.LONG);
        Background<Integer> write =
                Background.call(() -> accepted.connection.asByteChannel().write(buffer));
        accepted.peer.receive(MUCH.length);
        assertThat(write.result()).isPositive();
        assertThat(buffer.hasRemaining()).isFalse();
        accepted.connection.shutdownOutput();
        assertThat(accepted.peer.drainOrReset()).hasValue(0);
    }

    /** The loop sends the last bytes, finds the connection idle and closes it before the writer knows. */
    @Test
    void aChannelThatWritesTheRestDuringAShutdownEndsInOrder() throws Exception {
        for (int round = 0; round < 10; round++) {
            Accepted accepted = accept(net.server().onRequest(Handlers::takeText));
            ByteBuffer buffer = ByteBuffer.wrap(MUCH);
            writeInPart(accepted, buffer);
            accepted.connection.setWriteTimeout(Timing.LONG);
            Background<Integer> write = Background.call(
                            () -> accepted.connection.asByteChannel().write(buffer))
                    .awaitBlocked();
            Background<Boolean> shutdown =
                    Background.call(() -> accepted.server.server().shutdown(Timing.LONG));
            assertThat(accepted.peer.drainOrReset()).hasValue(MUCH.length);
            assertThat(write.result()).isPositive();
            assertThat(shutdown.result()).isTrue();
        }
    }

    @Test
    void theOutputNeverEndsWithinAChannelsWrite() throws Exception {
        assumeResets();
        for (int round = 0; round < 30; round++) {
            Accepted accepted = accept();
            accepted.connection.setWriteTimeout(Timing.SHORT);
            Background<Integer> write =
                    Background.call(() -> accepted.connection.asByteChannel().write(ByteBuffer.wrap(MUCH)));
            Throwable shutdown = catchThrowable(accepted.connection::shutdownOutput);
            Throwable failure = write.failure();
            accepted.connection.close();
            if (shutdown == null) {
                assertThat(failure).isInstanceOfAny(ClosedChannelException.class, IllegalStateException.class);
                assertThat(accepted.peer.drainOrReset()).hasValue(0);
            } else {
                assertThat(shutdown).isInstanceOfAny(OutputCutException.class, IllegalStateException.class);
                assertThat(failure).isInstanceOf(WriteTimeoutException.class);
                assertThat(accepted.peer.awaitEnd()).isEqualTo(RawPeer.End.RESET);
            }
        }
    }

    /** Writes until a write times out. */
    private static void writeInPart(Accepted accepted, ByteBuffer buffer) {
        accepted.connection.setWriteTimeout(Timing.SHORT);
        assertThat(catchThrowable(() -> accepted.connection.asByteChannel().write(buffer)))
                .isInstanceOfSatisfying(
                        WriteTimeoutException.class,
                        e -> assertThat(e.bytesSent()).isEqualTo(buffer.position()));
        assertThat(buffer.position()).isBetween(1, MUCH.length - 1);
    }

    @Test
    void aCutConnectionIsNotDetached() throws Exception {
        Accepted accepted = accept();
        accepted.connection.setWriteTimeout(Timing.SHORT);
        assertThat(catchThrowable(() -> writeMuch(accepted.connection))).isInstanceOf(WriteTimeoutException.class);
        assertThat(catchThrowable(accepted.connection::detach)).isInstanceOf(OutputCutException.class);
    }

    @Test
    void thePeerOfAFlushThatAShutdownOverlooksSeesNoOrderlyEnd() throws Exception {
        assumeResets();
        Accepted accepted = accept();
        accepted.connection.setWriteTimeout(Timing.SHORT);
        Background<Void> flush =
                Background.run(() -> writeMuch(accepted.connection)).awaitBlocked();
        accepted.server.server().shutdown(Timing.LONG);
        assertThat(flush.failure()).isInstanceOfAny(WriteTimeoutException.class, ConnectionClosedException.class);
        assertThat(accepted.peer.awaitEnd()).isEqualTo(RawPeer.End.RESET);
    }

    /** The handler keeps the loop that the adopted connection is to live on. */
    @Test
    void thePeerOfAConnectionClosedBeforeItLivesSeesNoOrderlyEnd() throws Exception {
        assumeResets();
        CountDownLatch closed = new CountDownLatch(1);
        BlockingQueue<DetachedSocket> detached = new LinkedBlockingQueue<>();
        Listening listening = net.listen(net.server().onConnect(connection -> detached.add(connection.detach())));
        RawPeer peer = net.connectRaw(listening.address(), SMALL);
        DetachedSocket socket = next(detached);
        try (EventLoopGroup group = EventLoopGroup.builder()
                        .backend(variant.backend())
                        .loops(1)
                        .build();
                Server server = Server.builder()
                        .group(group)
                        .dispatch(Dispatch.inline())
                        .onRequest(connection -> {
                            Handlers.takeText(connection);
                            Connection adopted = group.adopt(socket, ConnectionOptions.defaults());
                            writeMuch(adopted);
                            adopted.close();
                            closed.countDown();
                        })
                        .build()) {
            SocketAddress address = server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            net.connectRaw(address).send("x");
            Await.until("the adopted connection is closed", () -> closed.getCount() == 0);
            assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.RESET);
        }
    }

    @Test
    void whatThePeerSentStaysReadable() throws Exception {
        Pair pair = net.pair();
        pair.peer().send("answer");
        pair.connection().setWriteTimeout(Timing.SHORT);
        assertThat(catchThrowable(() -> writeMuch(pair.connection()))).isInstanceOf(WriteTimeoutException.class);
        assertThat(pair.connection().reader().readUtf8(6)).isEqualTo("answer");
    }

    /** {@return a connection without a handler whose peer has small buffers: the kernel takes little of MUCH} */
    private Accepted accept() throws Exception {
        return accept(net.server());
    }

    private Accepted accept(Server.Builder builder) throws Exception {
        BlockingQueue<Connection> accepted = new LinkedBlockingQueue<>();
        Listening server = net.listen(builder.onConnect(accepted::add));
        RawPeer peer = net.connectRaw(server.address(), SMALL);
        return new Accepted(server, next(accepted), peer);
    }

    private static <T> T next(BlockingQueue<T> queue) throws InterruptedException {
        return Objects.requireNonNull(
                queue.poll(Timing.LONG.toMillis(), TimeUnit.MILLISECONDS), "nothing came in time");
    }

    private record Accepted(Listening server, Connection connection, RawPeer peer) {}

    private void assumeResets() {
        Assumptions.assumeTrue(variant.transport() != Transport.UNIX, "Unix sockets have no reset");
    }
}
