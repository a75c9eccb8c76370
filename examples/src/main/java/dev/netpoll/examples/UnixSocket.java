// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.Server;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;

/** The same server and client as over TCP, between processes of one machine: only the address differs. */
final class UnixSocket {
    private UnixSocket() {}

    /** {@return what the server answers to the message, over a socket file at the path} */
    static String roundTrip(Path path, String message) throws Exception {
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(path);
        try (Server server = EchoServer.start(address)) {
            return EchoClient.ask(server.addresses().getFirst(), message);
        }
    }

    /** Sends its argument there and back. */
    public static void main(String[] args) throws Exception {
        System.out.println(roundTrip(Path.of("netpoll-example.sock"), args.length > 0 ? args[0] : "hello"));
    }
}
