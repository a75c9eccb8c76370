// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;

/** A listening JDK channel, to dial to. */
public final class RawListener implements AutoCloseable {
    private final ServerSocketChannel channel;
    private final SocketAddress address;

    RawListener(SocketAddress wanted, int backlog, int bufferBytes) throws IOException {
        channel = wanted instanceof UnixDomainSocketAddress
                ? ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                : ServerSocketChannel.open();
        if (bufferBytes > 0) {
            channel.setOption(StandardSocketOptions.SO_RCVBUF, bufferBytes);
        }
        channel.bind(wanted, backlog);
        channel.configureBlocking(false);
        address = channel.getLocalAddress();
    }

    /** {@return the bound address} */
    public SocketAddress address() {
        return address;
    }

    /** Waits for a connection. */
    public RawPeer accept() throws IOException {
        SocketChannel[] accepted = new SocketChannel[1];
        Await.until("somebody connects to " + address, () -> (accepted[0] = channel.accept()) != null);
        return new RawPeer(accepted[0]);
    }

    @Override
    public void close() throws IOException {
        channel.close();
        if (address instanceof UnixDomainSocketAddress unix) {
            Files.deleteIfExists(unix.getPath());
        }
    }
}
