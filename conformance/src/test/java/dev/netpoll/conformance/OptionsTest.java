// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionClosedException;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Options: what goes in comes out. Those of TCP: {@link TcpTest}. */
@Variants(modes = Mode.VIRTUAL)
class OptionsTest extends ConformanceTest {
    private record Unknown(String name, Class<Integer> type) implements SocketOption<Integer> {}

    @Test
    void bufferSizesComeOutAsTheyWentInOrDoubled() throws Exception {
        Connection connection = net.pair().connection();
        connection.setOption(StandardSocketOptions.SO_SNDBUF, 32 << 10);
        connection.setOption(StandardSocketOptions.SO_RCVBUF, 48 << 10);
        // Linux doubles what is asked for.
        assertThat(connection.getOption(StandardSocketOptions.SO_SNDBUF)).isIn(32 << 10, 64 << 10);
        assertThat(connection.getOption(StandardSocketOptions.SO_RCVBUF)).isIn(48 << 10, 96 << 10);
    }

    @Test
    void anUnknownOptionIsRefused() throws Exception {
        Connection connection = net.pair().connection();
        SocketOption<Integer> unknown = new Unknown("NO_SUCH_OPTION", Integer.class);
        assertThatThrownBy(() -> connection.setOption(unknown, 1)).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> connection.getOption(unknown)).isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    @SuppressWarnings({"unchecked", "rawtypes"})
    void aValueThatIsNoneOfTheOptionsIsRefusedInTheSameWordsEverywhere() throws Exception {
        Connection connection = net.pair().connection();
        assertThatThrownBy(() -> connection.setOption(StandardSocketOptions.SO_SNDBUF, null))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("SO_SNDBUF");
        assertThatThrownBy(() -> connection.setOption(null, 1))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("option");
        assertThatThrownBy(() -> connection.getOption(null))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("option");
        SocketOption raw = StandardSocketOptions.SO_SNDBUF;
        assertThatThrownBy(() -> connection.setOption(raw, "many"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("SO_SNDBUF takes values of type Integer, not many");
    }

    @Test
    void theOptionsOfAConnectionThatIsGoneCannotBeHad() throws Exception {
        Connection connection = net.pair().connection();
        connection.close();
        Await.until("it is closed", () -> net.group().connectionCount() == 0);
        assertThatThrownBy(() -> connection.setOption(StandardSocketOptions.SO_SNDBUF, 1 << 14))
                .isInstanceOf(ConnectionClosedException.class);
        assertThatThrownBy(() -> connection.getOption(StandardSocketOptions.SO_SNDBUF))
                .isInstanceOf(ConnectionClosedException.class);
    }

    @Test
    void connectionOptionsKeepWhatTheyWereGiven() {
        ConnectionOptions options = ConnectionOptions.builder()
                .readTimeout(Duration.ofMillis(1))
                .writeTimeout(Duration.ofMillis(2))
                .idleTimeout(Duration.ofMillis(3))
                .keepAlive(Duration.ofSeconds(4))
                .userTimeout(Duration.ofMillis(5))
                .inboundMarks(6, 7)
                .outboundHighMark(8)
                .maxFrameLength(9)
                .allowHalfOpen(true)
                .socketOption(StandardSocketOptions.SO_RCVBUF, 10)
                .build();
        ConnectionOptions copy = options.toBuilder().build();
        for (ConnectionOptions each : new ConnectionOptions[] {options, copy}) {
            assertThat(each.readTimeout()).hasMillis(1);
            assertThat(each.writeTimeout()).hasMillis(2);
            assertThat(each.idleTimeout()).hasMillis(3);
            assertThat(each.keepAlive()).hasSeconds(4);
            assertThat(each.userTimeout()).hasMillis(5);
            assertThat(each.inboundLowMark()).isEqualTo(6);
            assertThat(each.inboundHighMark()).isEqualTo(7);
            assertThat(each.outboundHighMark()).isEqualTo(8);
            assertThat(each.maxFrameLength()).isEqualTo(9);
            assertThat(each.allowHalfOpen()).isTrue();
            assertThat(each.socketOptions()).containsEntry(StandardSocketOptions.SO_RCVBUF, 10);
        }
    }

    @Test
    void optionsThatMakeNoSenseAreRefused() {
        ConnectionOptions.Builder builder = ConnectionOptions.builder();
        assertThatThrownBy(() -> builder.readTimeout(Duration.ZERO)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> builder.writeTimeout(Duration.ofMillis(-1)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> builder.keepAlive(Duration.ofMillis(999)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> builder.inboundMarks(2, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> builder.inboundMarks(0, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> builder.outboundHighMark(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> builder.maxFrameLength(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> builder.zeroCopyThreshold(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> builder.zeroCopyThreshold(4095)).isInstanceOf(IllegalArgumentException.class);
    }
}
