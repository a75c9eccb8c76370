// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.epoll;

import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.memory.FirstUse;
import dev.netpoll.internal.poll.Mechanism;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.PollerWatch;
import dev.netpoll.internal.poll.posix.Binder;
import dev.netpoll.internal.poll.posix.Opened;
import dev.netpoll.internal.poll.posix.Opener;
import dev.netpoll.internal.poll.posix.Platform;
import dev.netpoll.internal.poll.posix.UnusedPages;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import java.lang.invoke.MethodHandles;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/** The epoll backend: Linux on x86-64 and aarch64, if native access is granted; see {@link #unavailableReason()}. */
public final class EpollMechanism implements Mechanism {
    static final String NAME = "epoll";

    static {
        // Loads the classes that report a lack of descriptors: by then, class files may not be readable.
        int _ = new TransportException("accept", Errno.EMFILE).errno();
    }

    /** {@return null if the backend works here, else a sentence that says why not and what to do} */
    public static @Nullable String unavailableReason() {
        return EpollAvailability.reason();
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Poller openPoller() throws TransportException {
        Classes.initialize(MethodHandles.lookup(), EpollTransport.class, EpollListenSocket.class, Opener.class);
        UnusedPages.goBack();
        FirstUse.prepare();
        try {
            return new EpollPoller();
        } catch (OutOfMemoryError e) {
            throw Platform.noMemory(e);
        }
    }

    @Override
    public PollerWatch openWatch() throws TransportException {
        try {
            return new EpollWatch();
        } catch (OutOfMemoryError e) {
            throw Platform.noMemory(e);
        }
    }

    @Override
    public boolean isWatchable() {
        return true;
    }

    @Override
    public ListenSocket bind(SocketAddress address, ListenOptions options) throws TransportException {
        return Binder.bind(address, options, EpollListenSocket::new);
    }

    @Override
    public Transport open(SocketAddress remote, @Nullable SocketAddress local) throws TransportException {
        Opened opened = Opener.open(remote, local);
        try {
            return transport(opened);
        } catch (Throwable t) {
            Opener.close(opened.fd);
            throw t;
        }
    }

    @Override
    public Transport adopt(RawSocket socket) throws TransportException {
        return Opener.adopt(socket, opened -> transport(opened).foreign());
    }

    private static EpollTransport transport(Opened opened) {
        return new EpollTransport(opened.fd, opened.tcp, opened.remote);
    }
}
