// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.buffer.Writer;
import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.endpoint.Adoption;
import dev.netpoll.internal.endpoint.BackendChoice;
import dev.netpoll.internal.endpoint.LoopGroup;
import dev.netpoll.memory.BudgetStats;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.util.Objects;

/**
 * Event loops that servers and dialers share. Each loop owns some of the connections; the loops' threads start with the
 * first use and are daemons, so they keep no JVM alive (the accepting thread of a listening {@link Server} does).
 *
 * <p><b>Threads.</b> Any thread.
 */
public final class EventLoopGroup implements AutoCloseable {
    /** Made when the shared group is first asked for. */
    private static final class Shared {
        static final EventLoopGroup GROUP = new EventLoopGroup(builder(), true);
    }

    static { // before a handler that has used up its stack can be the first who needs them
        Classes.initialize(
                MethodHandles.lookup(),
                ErrorHandler.class,
                Dispatch.class,
                Dispatch.Adaptive.class,
                Dispatch.Virtual.class,
                Dispatch.Inline.class,
                Dispatch.Executor.class,
                Protocol.class,
                Protocol.Builder.class,
                Framing.class,
                ConnectionOptions.class,
                ConnectionOptions.Builder.class,
                Dialer.class,
                Dialer.Builder.class,
                Server.class,
                Server.Builder.class,
                DetachedSocket.class);
    }

    private final Backend backend;
    private final boolean shared;
    private final LoopGroup loops;

    private EventLoopGroup(Builder builder, boolean shared) {
        this.shared = shared;
        BackendChoice.Chosen chosen = BackendChoice.choose(builder.backend, builder.platformThreads);
        backend = chosen.backend();
        loops = new LoopGroup(chosen.mechanism(), builder.loops, builder.platformThreads, builder.memoryBudgetBytes);
    }

    /** {@return the group that everything uses that was not given one} It is started at first use and never closed. */
    public static EventLoopGroup shared() {
        return Shared.GROUP;
    }

    /** {@return a builder} */
    public static Builder builder() {
        return new Builder();
    }

    /** {@return the backend in use, never {@link Backend#AUTO}} */
    public Backend backend() {
        return backend;
    }

    /** {@return the number of event loops} */
    public int loops() {
        return loops.size();
    }

    /** {@return the number of open connections on all loops} */
    public int connectionCount() {
        return loops.connectionCount();
    }

    /** {@return what the connections of the group hold of the memory they may hold together} */
    public BudgetStats budgetStats() {
        return loops.budgetStats();
    }

    /**
     * Takes over a connected socket, and the bytes that were {@linkplain DetachedSocket#unread() received} from it:
     * they are read first. They count against the marks and the memory budget as any others. The connection has no
     * handler, and the caller closes it, unless one is set, as {@link Connection} says. A socket whose peer is gone is
     * taken as any other: what was received can be read, then the connection says what became of it.
     *
     * <p>If this throws, the caller {@linkplain DetachedSocket#close() closes} the socket, which does nothing if that
     * has been done.
     *
     * @throws IOException if it is no connected stream socket or of another backend; it stays as it is then
     * @throws IllegalStateException if it was adopted or closed already, or its buffer of unread bytes was closed
     */
    public Connection adopt(DetachedSocket socket, ConnectionOptions options) throws IOException {
        Objects.requireNonNull(options, "options");
        if (!socket.take()) {
            throw new IllegalStateException("the socket was adopted or closed already: " + socket);
        }
        Adoption adoption;
        boolean opened = false;
        try {
            adoption = new Adoption(loops, socket, options);
            opened = true;
        } finally {
            if (!opened) {
                socket.giveBack();
            }
        }
        return adoption.start();
    }

    /**
     * Closes every connection that is left and ends the loops' threads; waits for them, at most for a while if a
     * callback on a loop does not return. Idempotent. Shut servers down first: those that were not stop listening.
     *
     * @throws IllegalStateException for the {@linkplain #shared() shared group}, and on an event loop
     */
    @Override
    public void close() {
        if (shared) {
            throw new IllegalStateException("the shared group is not closed; build a group to have one that is");
        }
        loops.close();
    }

    /** {@return what is behind this door} */
    LoopGroup loopGroup() {
        return loops;
    }

    /** Collects the settings of a group. Not thread-safe. */
    public static final class Builder {
        private Backend backend = Backend.AUTO;
        private int loops = Math.max(1, Runtime.getRuntime().availableProcessors() / 2);

        private boolean platformThreads;
        private long memoryBudgetBytes;

        private Builder() {}

        /**
         * Chooses the backend; {@link Backend#AUTO} by default, which takes epoll, or NIO where that cannot be had, and
         * with {@link #platformThreads} io_uring before both. {@link Backend#IO_URING} says what it needs.
         */
        public Builder backend(Backend backend) {
            this.backend = Objects.requireNonNull(backend, "backend");
            return this;
        }

        /** Sets the number of loops; by default half the available processors, at least one. */
        public Builder loops(int loops) {
            if (loops < 1 || loops > 1024) {
                throw new IllegalArgumentException("loops must be between 1 and 1024: " + loops);
            }
            this.loops = loops;
            return this;
        }

        /**
         * Whether loops run on platform threads; by default they run on virtual ones where the backend can do that
         * (epoll), which makes it cheaper to wake the virtual threads that wait for answers or run handlers. Platform
         * threads are better if other code of the process often computes for long on virtual threads; and with them
         * {@link Backend#AUTO} may take io_uring.
         */
        public Builder platformThreads(boolean platform) {
            this.platformThreads = platform;
            return this;
        }

        /**
         * Sets how many bytes of buffer memory the connections of the group may hold together: bytes received and not
         * yet released, and bytes written and not yet sent, but not memory that is {@linkplain Writer#writeDirect
         * lent}. By default a quarter of the maximal heap, but no less than 32 MiB, no more than 256 MiB, and no more
         * than a quarter of all {@linkplain dev.netpoll.buffer.BufferMemory buffer memory}. Above it, connections that
         * hold more than 8 KiB wait, and new ones are let in slowly; what else happens then, and what does not count,
         * is told in the description of the package {@link dev.netpoll.memory}.
         *
         * @throws IllegalArgumentException if it is less than 1 MiB, or more than all buffer memory
         */
        public Builder memoryBudget(long bytes) {
            LoopGroup.checkBudget(bytes);
            memoryBudgetBytes = bytes;
            return this;
        }

        /**
         * {@return the group} Its threads start with its first use.
         *
         * @throws UnsupportedOperationException if the backend was asked for by name and cannot be had; the message
         *     says why and what to do
         */
        public EventLoopGroup build() {
            return new EventLoopGroup(this, false);
        }
    }
}
