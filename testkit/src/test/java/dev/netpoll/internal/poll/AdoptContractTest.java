// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.internal.ffi.LibcEventfd;
import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.LibcUnistd;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** What is offered for adoption and is refused, stays open and its owner's. */
@ParameterizedClass
@MethodSource("dev.netpoll.internal.poll.Variant#all")
class AdoptContractTest extends ContractTest {
    AdoptContractTest(Variant variant) {
        super(variant);
    }

    @Test
    void aDescriptorThatIsNoSocketIsRefusedAndStaysOpen() {
        variant.assume(variant.isNative(), "only native backends have descriptors");
        Scratch scratch = Scratch.take();
        int eventfd = LibcEventfd.eventfd(scratch);
        refused(eventfd, "adopt");
        assertThat(LibcEventfd.write(scratch, eventfd, 1)).isZero();
        LibcUnistd.close(scratch, eventfd);
        scratch.giveBack();
    }

    @Test
    void aSocketThatIsNotConnectedIsRefusedAndStaysOpen() {
        variant.assume(variant.isNative(), "only native backends have descriptors");
        Scratch scratch = Scratch.take();
        int fd = LibcSocket.socket(scratch, variant.isTcp() ? LibcSocket.AF_INET : LibcSocket.AF_UNIX);
        refused(fd, "ENOTCONN");
        assertThat(LibcSocket.pendingError(scratch, fd)).isZero();
        if (variant.isTcp()) {
            assertThat(LibcSocket.listen(scratch, fd, 1)).isZero();
            refused(fd, "ENOTCONN");
        }
        LibcUnistd.close(scratch, fd);
        scratch.giveBack();
    }

    @Test
    void aChannelThatIsNotConnectedIsRefusedAndStaysOpen() throws IOException {
        try (SocketChannel channel = SocketChannel.open()) {
            assertThatThrownBy(() -> backend.adopt(new RawSocket(-1, channel))).isInstanceOf(IOException.class);
            assertThat(channel.isOpen()).isTrue();
        }
    }

    private void refused(int fd, String said) {
        List<String> before = descriptors();
        assertThatThrownBy(() -> backend.adopt(new RawSocket(fd, null)))
                .isInstanceOf(TransportException.class)
                .hasMessageContaining(said);
        assertThat(descriptors()).hasSameSizeAs(before);
    }
}
