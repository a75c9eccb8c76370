// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.soak;

import dev.netpoll.Dispatch;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** One server for each dispatch, each on TCP and on a Unix socket. */
final class Servers implements AutoCloseable {
    private static final List<Dispatch> DISPATCHES =
            List.of(Dispatch.adaptive(), Dispatch.inline(), Dispatch.virtual());

    /** How many there are. */
    static final int COUNT = DISPATCHES.size();

    private static final int BACKLOG = 1024;

    private final List<Server> servers = new ArrayList<>();
    private final Path directory = Files.createTempDirectory("np");

    Servers(Soak soak, EventLoopGroup group) throws IOException {
        for (Dispatch dispatch : DISPATCHES) {
            boolean mayBlock = servers.size() != 1;
            Server server = Server.builder()
                    .group(group)
                    .dispatch(dispatch)
                    .backlog(BACKLOG)
                    .onPrepare(connection -> connection.attach(new Responder(soak, mayBlock)))
                    .onRequest(connection -> ((Responder) connection.attachment()).handle(connection))
                    .onError((connection, error) -> soak.serverFailed((Responder) connection.attachment(), error))
                    .build();
            servers.add(server);
            server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            server.listen(UnixDomainSocketAddress.of(directory.resolve(servers.size() + ".sock")));
        }
    }

    SocketAddress address(Scenario.Medium medium) {
        return servers.get(medium.server()).addresses().get(medium.unix() ? 1 : 0);
    }

    int connectionCount() {
        return servers.stream().mapToInt(Server::connectionCount).sum();
    }

    long reliefs() {
        return servers.getFirst().dispatchStats().reliefs();
    }

    @Override
    public void close() throws IOException {
        servers.forEach(Server::close);
        Files.deleteIfExists(directory);
    }
}
