// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.buffer.Writer;
import dev.netpoll.internal.endpoint.Adoption;
import dev.netpoll.internal.endpoint.BackendChoice;
import dev.netpoll.internal.endpoint.LoopGroup;
import dev.netpoll.memory.BudgetStats;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Event loops that servers and dialers share. Each loop owns some of the connections. The loops' threads start with the
 * first use. They are daemons, so they keep no JVM alive (the accepting thread of a listening {@link Server} does).
 *
 * <p><b>Threads.</b> Any thread.
 *
 * @since 0.1
 */
public final class EventLoopGroup implements AutoCloseable {
    /** Created at its first use. Not by a static initialiser: if that fails, for lack of a thread, it stays broken. */
    private static @Nullable EventLoopGroup sharedGroup;

    private final Backend backend;
    private final boolean shared;
    private final LoopGroup loops;

    private EventLoopGroup(Builder builder, boolean shared) {
        LoopGroup.prepare(MethodHandles.lookup(), PublicClasses.all());
        this.shared = shared;
        BackendChoice.Chosen chosen = BackendChoice.choose(builder.backend, builder.platformThreads);
        backend = chosen.backend();
        loops = new LoopGroup(chosen.mechanism(), builder.loops, builder.platformThreads, builder.memoryBudgetBytes);
    }

    /** {@return the default group of servers and dialers} It starts at first use and is never closed. */
    public static synchronized EventLoopGroup shared() {
        if (sharedGroup == null) {
            sharedGroup = new EventLoopGroup(builder(), true);
        }
        return sharedGroup;
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

    /** {@return the number of connections on all loops that have not ended} */
    public int connectionCount() {
        return loops.connectionCount();
    }

    /** {@return how much of their common memory budget the group's connections hold} */
    public BudgetStats budgetStats() {
        return loops.budgetStats();
    }

    /**
     * Takes over a connected socket, and the {@linkplain DetachedSocket#unread() bytes received} from it, which the
     * connection reads first. They count against the marks and the memory budget like any others. The connection has no
     * handler, and the caller closes it unless it sets one, as {@link Connection} says. A socket whose peer is gone is
     * adopted like any other: its received bytes are readable, then the connection reports the end.
     *
     * <p>If this throws, the caller {@linkplain DetachedSocket#close() closes} the socket; closing it again has no
     * effect. A socket that belongs to a connection of this library stays open even then.
     *
     * @implNote epoll and io_uring adopt descriptors, NIO adopts channels.
     * @throws IOException if it is no connected stream socket, or belongs to a connection or to another backend; the
     *     socket then stays unchanged
     * @throws IllegalArgumentException if bytes are pending in its buffer of unread bytes: flush them first
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
        } catch (IOException e) {
            if (Adoption.isOfConnection(e)) {
                socket.disown();
            }
            throw e;
        } finally {
            if (!opened) {
                socket.giveBack();
            }
        }
        return adoption.start();
    }

    /**
     * Closes every remaining connection and ends the loops' threads. Waits for them, but only for a while if a callback
     * on a loop does not return. Idempotent. Shut servers down first: this stops those that still listen.
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

    /** {@return the implementation} */
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
         * Selects the backend. The default, {@link Backend#AUTO}, selects epoll, or NIO where epoll is unavailable;
         * with {@link #platformThreads} it prefers io_uring. {@link Backend#IO_URING} lists its requirements.
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
         * Selects platform threads for the loops. By default loops run on virtual threads where the backend supports
         * it, which makes it cheaper to wake the virtual threads that wait for answers or run handlers. Platform
         * threads are better if other code of the process often computes for long on virtual threads, or if all groups
         * together have as many loops as there are processors: busy loops on virtual threads then step aside for other
         * virtual threads every 5 ms. With platform threads {@link Backend#AUTO} may select io_uring.
         *
         * @implNote Only epoll runs loops on virtual threads. io_uring and NIO always use platform threads.
         */
        public Builder platformThreads(boolean platform) {
            this.platformThreads = platform;
            return this;
        }

        /**
         * Sets how many bytes of buffer memory the connections of the group may hold together: bytes received and not
         * yet released, and bytes flushed and not yet sent, but not {@linkplain Writer#writeDirect lent} memory. Bytes
         * written and not flushed do not count: flush large answers in pieces. The default is a quarter of the maximal
         * heap, but no less than 32 MiB, no more than 256 MiB, and no more than a quarter of all {@linkplain
         * dev.netpoll.buffer.BufferMemory buffer memory}. Above it, connections that hold more than 8 KiB wait, and the
         * server accepts new ones slowly. The description of the package {@link dev.netpoll.memory} explains the
         * details and what does not count.
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
         * @throws UnsupportedOperationException if a backend requested by name is unavailable; the message gives the
         *     reason and what to do
         */
        public EventLoopGroup build() {
            return new EventLoopGroup(this, false);
        }
    }
}
