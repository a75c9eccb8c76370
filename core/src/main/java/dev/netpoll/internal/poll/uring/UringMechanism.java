// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.ffi.LibcTime;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.FirstUse;
import dev.netpoll.internal.poll.Mechanism;
import dev.netpoll.internal.poll.ParkingWatch;
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

/**
 * The io_uring backend: Linux 6.1 or newer on x86-64 and aarch64, if native access is granted and io_uring is not
 * forbidden; see {@link #unavailableReason()}.
 */
public final class UringMechanism implements Mechanism {
    static final String NAME = "io_uring";

    static {
        // Loads the classes that report a lack of descriptors: by then, class files may not be readable.
        int _ = new TransportException("accept", Errno.EMFILE).errno();
    }

    private final Features features;
    private final RingSize size;

    /** Creates a mechanism with all features of this kernel. */
    public UringMechanism() {
        this(UringAvailability.features(), RingSize.USUAL);
    }

    UringMechanism(Features features, RingSize size) {
        this.features = features;
        this.size = size;
    }

    /** {@return null if the backend works here, else a sentence that says why not and what to do} */
    public static @Nullable String unavailableReason() {
        return UringAvailability.reason();
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Poller openPoller() throws TransportException {
        Classes.initialize(MethodHandles.lookup(), UringTransport.class, UringListenSocket.class, Opener.class);
        UnusedPages.goBack();
        FirstUse.prepare();
        try {
            return new UringPoller(features, size);
        } catch (OutOfMemoryError e) {
            throw Platform.noMemory(e);
        }
    }

    @Override
    public PollerWatch openWatch() {
        return new ParkingWatch(UringMechanism::cpuNanos, UringMechanism::cpuNanos);
    }

    private static long cpuNanos() {
        Scratch scratch = Scratch.take();
        try {
            return LibcTime.processCpuNanos(scratch);
        } finally {
            scratch.giveBack();
        }
    }

    private static long cpuNanos(int thread) {
        Scratch scratch = Scratch.take();
        try {
            return LibcTime.threadCpuNanos(scratch, thread);
        } finally {
            scratch.giveBack();
        }
    }

    /** Returns false: a ring belongs to the thread that waits for it. */
    @Override
    public boolean isWatchable() {
        return false;
    }

    @Override
    public ListenSocket bind(SocketAddress address, ListenOptions options) throws TransportException {
        return Binder.bind(address, options, UringListenSocket::new);
    }

    @Override
    public Transport open(SocketAddress remote, @Nullable SocketAddress local) throws TransportException {
        Opened opened = Opener.open(remote, local);
        try {
            return new UringTransport(opened);
        } catch (Throwable t) {
            Opener.close(opened.fd);
            throw t;
        }
    }

    @Override
    public Transport adopt(RawSocket socket) throws TransportException {
        return Opener.adopt(socket, UringTransport::new);
    }
}
