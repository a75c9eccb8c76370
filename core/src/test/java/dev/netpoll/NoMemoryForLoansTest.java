// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.internal.poll.Child;
import dev.netpoll.memory.MemoryLimitException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A flush on a loop copies lent memory that the kernel does not take. Without memory for the copy it says so, and the
 * peer, which has got a part, sees no orderly end. In a JVM of its own, with a small pool.
 */
class NoMemoryForLoansTest {
    private static final int MUCH = 32 << 20;
    private static final int SECONDS = 20;

    @ParameterizedTest
    @MethodSource("dev.netpoll.internal.poll.Child#backends")
    void theFlushSaysSo(String backend) throws Exception {
        Child.run(NoMemoryForLoansTest.class, List.of("-Ddev.netpoll.memory.max=4m"), backend);
    }

    /** The child. */
    public static void main(String[] arguments) throws Exception {
        MemorySegment lent = Arena.global().allocate(MUCH);
        CompletableFuture<Throwable> failure = new CompletableFuture<>();
        try (EventLoopGroup group = EventLoopGroup.builder()
                        .backend(Backend.of(arguments[0]))
                        .build();
                Server server = Server.builder()
                        .group(group)
                        .dispatch(Dispatch.inline())
                        .onError((connection, error) -> failure.complete(error))
                        .onRequest(connection -> {
                            connection.reader().readByte();
                            connection.writer().writeDirect(lent).flush();
                        })
                        .build();
                Socket peer = new Socket()) {
            peer.setReceiveBufferSize(1 << 16);
            peer.setSoTimeout((int) TimeUnit.SECONDS.toMillis(SECONDS));
            peer.connect(server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)));
            peer.getOutputStream().write(1);
            assertThat(failure.get(SECONDS, TimeUnit.SECONDS))
                    .isInstanceOf(MemoryLimitException.class)
                    .hasMessageContaining("writeDirect");
            assertThatThrownBy(() -> peer.getInputStream().readAllBytes()).isInstanceOf(SocketException.class);
        }
        System.out.println(Child.DONE);
    }
}
