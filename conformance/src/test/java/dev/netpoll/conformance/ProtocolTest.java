// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Dialer;
import dev.netpoll.Dispatch;
import dev.netpoll.ErrorHandler;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Framing;
import dev.netpoll.Protocol;
import dev.netpoll.ProtocolSettings;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A protocol as a value, which servers and dialers share. */
@Variants(transports = Transport.TCP4)
class ProtocolTest extends ConformanceTest {
    private static final Framing INT = Framing.lengthField(0, Integer.BYTES);
    private static final ConnectionOptions OPTIONS =
            ConnectionOptions.builder().maxFrameLength(1000).build();

    private static Protocol full() {
        return Protocol.builder()
                .onPrepare(connection -> {})
                .onConnect(connection -> {})
                .onRequest(Handlers.discard())
                .onDisconnect(connection -> {})
                .onError(ErrorHandler.LOGGING)
                .framing(INT)
                .dispatch(Dispatch.virtual())
                .options(OPTIONS)
                .readTimeout(Duration.ofSeconds(1))
                .build();
    }

    /** Both sides count the same number down, until it is zero. */
    @Test
    void serverAndDialerSpeakTheSame() throws Exception {
        BlockingQueue<Integer> last = new LinkedBlockingQueue<>();
        Protocol countdown = Protocol.builder()
                .framing(INT)
                .dispatch(variant.mode().dispatch())
                .onRequest(connection -> {
                    connection.reader().skip(Integer.BYTES);
                    int left = connection.reader().readInt();
                    if (left == 0) {
                        last.add(left);
                    } else {
                        send(connection, left - 1);
                    }
                })
                .build();
        EventLoopGroup group = net.server().build().group();
        Listening server = net.listen(Server.builder().protocol(countdown).group(group));
        Protocol begins = countdown.toBuilder()
                .onConnect(connection -> send(connection, 9))
                .build();
        Dialer dialer = Dialer.builder().protocol(begins).group(group).build();
        try (Connection _ = dialer.dial(server.address())) {
            assertThat(last.poll(20, TimeUnit.SECONDS)).isZero();
        }
    }

    private static void send(Connection connection, int number) throws Exception {
        connection.writer().writeInt(Integer.BYTES).writeInt(number).flush();
    }

    @Test
    void onConnectOfADialedConnectionComesBeforeItsRequests() throws Exception {
        Listening server = net.listen(net.server()
                .onConnect(connection -> connection.writer().writeUtf8("12").flush())
                .onRequest(Handlers.echo()));
        BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        Dialer dialer = net.dialer()
                .onConnect(connection -> {
                    connection.writer().writeUtf8("3").flush();
                    seen.add("greeted");
                })
                .onRequest(connection -> {
                    while (connection.reader().readableBytes() > 0) {
                        seen.add(connection.reader().readUtf8(1));
                    }
                })
                .build();
        try (Connection _ = dialer.dial(server.address())) {
            for (String expected : List.of("greeted", "1", "2", "3")) {
                assertThat(seen.poll(20, TimeUnit.SECONDS)).isEqualTo(expected);
            }
        }
    }

    @Test
    void onConnectOfADialedConnectionThatFailsClosesIt() throws Exception {
        Listening server = net.serve(Handlers.echo());
        AtomicInteger closed = new AtomicInteger();
        Dialer dialer = net.dialer()
                .onPrepare(connection -> connection.addCloseCallback(gone -> closed.incrementAndGet()))
                .onConnect(connection -> {
                    throw new IllegalStateException("thrown on purpose by a test");
                })
                .build();
        net.closing(dialer.dial(server.address()));
        Await.until("it is closed", () -> closed.get() == 1);
        assertThat(net.takeErrors()).singleElement().isInstanceOf(IllegalStateException.class);
    }

    @Test
    void aBuilderMadeOfAProtocolHasAllOfIt() {
        Protocol protocol = full();
        Protocol same = protocol.toBuilder().build();
        assertThat(same).usingRecursiveComparison().isEqualTo(protocol);
        assertThat(same.options().maxFrameLength()).isEqualTo(1000);
        assertThat(same.options().readTimeout()).isEqualTo(Duration.ofSeconds(1));
        ConnectionHandler other = connection -> {};
        Protocol changed = protocol.toBuilder()
                .onRequest(other)
                .idleTimeout(Duration.ofSeconds(2))
                .build();
        assertThat(changed.onRequest()).isSameAs(other);
        assertThat(changed.onConnect()).isSameAs(protocol.onConnect());
        assertThat(changed.options().idleTimeout()).isEqualTo(Duration.ofSeconds(2));
        assertThat(protocol.options().idleTimeout()).isEqualTo(Connection.NO_TIMEOUT);
    }

    @Test
    void noSetterDropsWhatAnotherOneSet() {
        for (ProtocolSettings<?> settings : List.of(Protocol.builder(), Server.builder(), Dialer.builder())) {
            settings.protocol(full()).readTimeout(Duration.ofSeconds(1));
            assertThatThrownBy(() -> settings.options(OPTIONS))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("before");
            assertThatThrownBy(() -> settings.protocol(full()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("before");
        }
        Server.builder().backlog(1).protocol(full()).options(OPTIONS).onRequest(Handlers.echo());
    }

    @Test
    void whatFramingAndDispatchAreCanBeRead() {
        Framing framing =
                Framing.lengthField(2, 4).byteOrder(ByteOrder.LITTLE_ENDIAN).adjustment(-6);
        assertThat(framing.isVarint()).isFalse();
        assertThat(framing.offset()).isEqualTo(2);
        assertThat(framing.width()).isEqualTo(4);
        assertThat(framing.byteOrder()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
        assertThat(framing.adjustment()).isEqualTo(-6);
        assertThat(framing.maxFrameLength(OPTIONS)).isEqualTo(1000);
        assertThat(framing.maxFrameLength(10).maxFrameLength(OPTIONS)).isEqualTo(10);
        assertThat(Framing.varint().isVarint()).isTrue();
        assertThat(Dispatch.executor(Runnable::run))
                .isInstanceOfSatisfying(
                        Dispatch.Executor.class, it -> assertThat(it.executor()).isNotNull());
        assertThat(List.of(Dispatch.adaptive(), Dispatch.virtual(), Dispatch.inline()))
                .extracting(Dispatch::toString)
                .containsExactly("adaptive", "virtual", "inline");
    }
}
