// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

@ParameterizedClass
@MethodSource("dev.netpoll.internal.poll.Variant#unix")
class UnixSocketContractTest extends ContractTest {
    private static final ListenOptions KEEP = new ListenOptions(0, false, false);
    private static final ListenOptions REPLACE = new ListenOptions(0, false, true);

    private final Path path = Variant.freshPath();
    private final SocketAddress address = UnixDomainSocketAddress.of(path);

    UnixSocketContractTest(Variant variant) {
        super(variant);
    }

    @Test
    void thePathOfAListenerIsRemovedWhenItCloses() throws IOException {
        ListenSocket socket = listen(address, KEEP);
        assertThat(path).exists();
        socket.close();
        assertThat(path).doesNotExist();
    }

    @Test
    void aPathThatSomebodyElseMadeAnewIsNotRemoved() throws IOException {
        ListenSocket socket = listen(address, KEEP);
        Path other = path.resolveSibling("other");
        Files.createFile(other); // exists together with the socket, so it cannot get the same inode
        Files.delete(path);
        Files.move(other, path);
        socket.close();
        assertThat(path).exists();
        Files.delete(path);
    }

    @Test
    void aStalePathIsReplacedOnlyOnRequest() throws IOException {
        leaveStalePath();
        assertErrno(Errno.EADDRINUSE, () -> backend.bind(address, KEEP));
        listen(address, REPLACE);
        Recorder recorder = new Recorder();
        connect(address, recorder);
        await(() -> recorder.connected && accepted.size() == 1);
    }

    @Test
    void connectingToAStalePathIsRefused() throws IOException {
        leaveStalePath();
        Recorder recorder = new Recorder();
        connect(address, recorder);
        await(() -> recorder.errno != 0);
        assertThat(recorder.errno).isEqualTo(Errno.ECONNREFUSED);
        Files.delete(path);
    }

    @Test
    void aLiveListenerIsNeverReplaced() throws IOException {
        listen(address, KEEP);
        assertErrno(Errno.EADDRINUSE, () -> backend.bind(address, REPLACE));
        assertThat(path).exists();
        Recorder recorder = new Recorder();
        connect(address, recorder);
        await(() -> recorder.connected);
    }

    @Test
    void aFileThatIsNoSocketIsNeverRemoved() throws IOException {
        Files.writeString(path, "precious");
        assertErrno(Errno.EADDRINUSE, () -> backend.bind(address, REPLACE));
        assertThat(path).hasContent("precious");
        Files.delete(path);
        Path target = path.resolveSibling("target");
        Files.writeString(target, "precious");
        Files.createSymbolicLink(path, target);
        assertErrno(Errno.EADDRINUSE, () -> backend.bind(address, REPLACE));
        assertThat(target).hasContent("precious");
        Files.delete(path);
        Files.delete(target);
    }

    @Test
    void aPathThatDoesNotFitIsRefused() {
        SocketAddress tooLong = UnixDomainSocketAddress.of("/tmp/" + "x".repeat(103));
        assertErrno(Errno.ENAMETOOLONG, () -> backend.bind(tooLong, KEEP));
        Recorder recorder = new Recorder();
        assertThatThrownBy(() -> {
                    connect(tooLong, recorder);
                    await(() -> recorder.errno != 0);
                    throw new TransportException("connect", recorder.errno);
                })
                .hasMessageContaining("ENAMETOOLONG");
    }

    @Test
    void anUnnamedAddressCannotBeListenedOn() {
        assertErrno(Errno.EINVAL, () -> backend.bind(UnixDomainSocketAddress.of(""), KEEP));
    }

    @Test
    void abstractNamesAreNoFiles() throws IOException {
        SocketAddress name =
                UnixDomainSocketAddress.of("@netpoll-" + path.getParent().getFileName());
        if (!variant.isNative()) {
            assertErrno(Errno.EAFNOSUPPORT, () -> backend.bind(name, KEEP));
            assertErrno(Errno.EAFNOSUPPORT, () -> backend.open(name, null));
            return;
        }
        ListenSocket socket = listen(name, REPLACE);
        Recorder recorder = new Recorder();
        Transport client = connect(name, recorder);
        await(() -> recorder.connected && accepted.size() == 1);
        assertThat(client.remoteAddress()).isEqualTo(name);
        assertThat(accepted.getFirst().localAddress()).isEqualTo(name);
        assertErrno(Errno.EADDRINUSE, () -> backend.bind(name, REPLACE));
        socket.close();
        listen(name, KEEP).close();
    }

    @Test
    void anAbstractNameMayBeAsLongAsTheKernelTakes() throws IOException {
        variant.assume(variant.isNative(), "only native backends have abstract names");
        String own = "@netpoll-" + path.getParent().getFileName();
        SocketAddress longest = UnixDomainSocketAddress.of(own + "x".repeat(108 - own.length()));
        listen(longest, KEEP);
        Recorder recorder = new Recorder();
        Transport client = connect(longest, recorder);
        await(() -> recorder.connected && accepted.size() == 1);
        assertThat(client.remoteAddress()).isEqualTo(longest);
        assertErrno(Errno.ENAMETOOLONG, () -> backend.bind(UnixDomainSocketAddress.of(longest + "x"), KEEP));
    }

    @Test
    void aFullAcceptQueueIsToldSoThatTheDialerCanTryAgain() throws IOException {
        ListenSocket socket = listen(address, new ListenOptions(1, false, false));
        socket.pause();
        int connected = 0;
        Recorder recorder;
        do {
            recorder = new Recorder();
            connect(address, recorder);
            connected += recorder.connected ? 1 : 0;
        } while (recorder.errno == 0 && connected < 10);
        assertThat(recorder.errno).isEqualTo(Errno.EAGAIN);
        int queued = connected;
        socket.resume();
        await(() -> accepted.size() == queued);
    }

    private void leaveStalePath() throws IOException {
        try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dead.bind(address);
        }
        assertThat(path).exists();
    }

    private static void assertErrno(int errno, ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        TransportException.class,
                        e -> assertThat(Errno.name(e.errno())).isEqualTo(Errno.name(errno)));
    }
}
