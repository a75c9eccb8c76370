// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.DetachedSocket;
import dev.netpoll.internal.poll.socket.Opener;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/** A detached socket that nobody may want to adopt: closes what is still the caller's. */
public final class Leftover {
    private final DetachedSocket socket;
    private final String identity;

    /** Remembers which socket it is, before somebody else may close it. */
    public Leftover(DetachedSocket socket) {
        this.socket = socket;
        identity = identity(socket.fd());
    }

    private static String identity(int fd) {
        try {
            return fd < 0 ? "" : Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd)).toString();
        } catch (IOException closed) {
            return "";
        }
    }

    /** Closes the bytes; the socket is closed already. */
    public void closeUnread() {
        socket.unread().close();
    }

    /** Closes all of it, but no other socket that has the number by now. */
    public void close() throws IOException {
        closeUnread();
        SocketChannel channel = socket.channel();
        if (channel != null) {
            channel.close();
        } else if (!identity.isEmpty() && identity.equals(identity(socket.fd()))) {
            Opener.close(socket.fd());
        }
    }
}
