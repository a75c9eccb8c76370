// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors
package dev.netpoll;

import java.io.IOException;
import java.time.Duration;

/**
 * Event loops that servers and dialers share. Each loop owns some of the connections; the loops' threads start with the
 * first use and are daemons.
 *
 * <p><b>Threads.</b> Any thread.
 */
public final class EventLoopGroup implements AutoCloseable {
    /** {@return the group that everything uses that was not given one} It is started at first use and never closed. */
    public static EventLoopGroup shared() {
        throw new UnsupportedOperationException("not yet");
    }

    /** {@return a builder} */
    public static Builder builder() {
        return new Builder();
    }

    /** {@return the backend in use, never {@link Backend#AUTO}} */
    public Backend backend() {
        throw new UnsupportedOperationException("not yet");
    }

    /** {@return the number of event loops} */
    public int loops() {
        throw new UnsupportedOperationException("not yet");
    }

    /** {@return the number of open connections on all loops} */
    public int connectionCount() {
        throw new UnsupportedOperationException("not yet");
    }

    /**
     * Takes over a connected socket. The connection has no handler; the caller closes it.
     *
     * @throws IOException if the socket is unusable or of another backend; it stays the caller's then
     */
    public Connection adopt(DetachedSocket socket, ConnectionOptions options) throws IOException {
        throw new UnsupportedOperationException("not yet");
    }

    /**
     * Closes every connection that is left and ends the loops' threads; waits for them, at most for a while if a
     * callback on a loop does not return. Idempotent. Shut servers down first.
     *
     * @throws IllegalStateException for the {@linkplain #shared() shared group}, and on an event loop
     */
    @Override
    public void close() {
        throw new UnsupportedOperationException("not yet");
    }

    /** Collects the settings of a group. Not thread-safe. */
    public static final class Builder {
        private Backend backend = Backend.AUTO;
        private int loops = 0;

        private Builder() {}

        /** Chooses the backend; {@link Backend#AUTO} by default. */
        public Builder backend(Backend backend) {
            this.backend = backend;
            return this;
        }

        /** Sets the number of loops; by default half the available processors, at least one. */
        public Builder loops(int loops) {
            this.loops = loops;
            return this;
        }

        /**
         * {@return the group} Its threads start with its first use.
         *
         * @throws UnsupportedOperationException if the backend was asked for by name and cannot be had; the message says
         *     why and what to do
         */
        public EventLoopGroup build() {
            throw new UnsupportedOperationException("not yet " + backend + loops);
        }
    }
}
