// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.net.SocketOption;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * How connections behave, accepted or dialed. Immutable and validated; start with {@link #defaults()}.
 *
 * @since 0.1
 */
public final class ConnectionOptions {
    /** A page: smaller pieces gain nothing. */
    private static final int ZERO_COPY_LEAST = 4096;

    private static final ConnectionOptions DEFAULTS = new Builder().build();

    private final Duration readTimeout;
    private final Duration writeTimeout;
    private final Duration idleTimeout;
    private final Duration keepAlive;
    private final Duration userTimeout;
    private final int inboundHighMark;
    private final int inboundLowMark;
    private final int outboundHighMark;
    private final int maxFrameLength;
    private final boolean allowHalfOpen;
    private final int zeroCopyThreshold;
    private final Map<SocketOption<?>, Object> socketOptions;

    private ConnectionOptions(Builder builder) {
        readTimeout = builder.readTimeout;
        writeTimeout = builder.writeTimeout;
        idleTimeout = builder.idleTimeout;
        keepAlive = builder.keepAlive;
        userTimeout = builder.userTimeout;
        inboundHighMark = builder.inboundHighMark;
        inboundLowMark = builder.inboundLowMark;
        outboundHighMark = builder.outboundHighMark;
        maxFrameLength = builder.maxFrameLength;
        allowHalfOpen = builder.allowHalfOpen;
        zeroCopyThreshold = builder.zeroCopyThreshold;
        socketOptions = Map.copyOf(builder.socketOptions);
    }

    /** {@return the default options} */
    public static ConnectionOptions defaults() {
        return DEFAULTS;
    }

    /** {@return a builder that starts with the defaults} */
    public static Builder builder() {
        return new Builder();
    }

    /** {@return a builder that starts with these options} */
    public Builder toBuilder() {
        Builder builder = new Builder();
        builder.readTimeout = readTimeout;
        builder.writeTimeout = writeTimeout;
        builder.idleTimeout = idleTimeout;
        builder.keepAlive = keepAlive;
        builder.userTimeout = userTimeout;
        builder.inboundHighMark = inboundHighMark;
        builder.inboundLowMark = inboundLowMark;
        builder.outboundHighMark = outboundHighMark;
        builder.maxFrameLength = maxFrameLength;
        builder.allowHalfOpen = allowHalfOpen;
        builder.zeroCopyThreshold = zeroCopyThreshold;
        builder.socketOptions.putAll(socketOptions);
        return builder;
    }

    /**
     * {@return the limit of each wait for bytes; default none} Set it for handlers that continue reading in the middle
     * of a message, because a connection is not idle while its handler runs. A wait for the memory of the group counts.
     */
    public Duration readTimeout() {
        return readTimeout;
    }

    /**
     * {@return the limit of each flush as a whole, so flush large answers in pieces; default 30 seconds} It also limits
     * how long a closed connection continues to send flushed bytes; without a time-out that limit is 10 seconds.
     */
    public Duration writeTimeout() {
        return writeTimeout;
    }

    /**
     * {@return how long a connection may be idle before it is closed; default for ever} A connection is idle while no
     * byte goes in or out and no handler runs, even if a flush or a read outside a handler waits for the peer
     * meanwhile: a client that waits for a slow answer is idle, so give dialed connections more than the longest answer
     * takes. A connection is not idle while a handler reads, which only {@link #readTimeout} limits, or while bytes of
     * its peer wait for the memory of the group.
     */
    public Duration idleTimeout() {
        return idleTimeout;
    }

    /**
     * {@return after how long without a byte TCP probes whether the peer is still there; default 60 seconds} A peer
     * that answers none of 3 probes a quarter of this time apart is lost.
     */
    public Duration keepAlive() {
        return keepAlive;
    }

    /**
     * {@return how long sent bytes may stay unacknowledged before the connection counts as lost (TCP_USER_TIMEOUT);
     * default 60 seconds}
     *
     * @implNote NIO ignores it; epoll and io_uring set it.
     */
    public Duration userTimeout() {
        return userTimeout;
    }

    /**
     * {@return how many bytes of memory unread, sliced and viewed input may hold before reading pauses; default 1 MiB}
     * Slices that hold this much between two messages pause reading until the program closes some, and a slice that it
     * forgot may pause it for ever: set an idle time-out. A waiting read, or a frame that has begun, overrides the
     * mark, until slices hold this and {@link #maxFrameLength} together. From then on, no further frame arrives before
     * the program closes some slices, and a read that would have to wait throws {@link IllegalStateException}, because
     * it might wait for itself. Close slices, and {@linkplain dev.netpoll.buffer.Reader#release release} the reader,
     * whose views count the same. If a handler returns because too little has arrived, and leaves this much unread, it
     * runs again only if it {@linkplain Connection#demand demands} what it needs.
     *
     * @implNote When reading resumes after a pause, input may exceed the mark: with epoll and NIO by one receive, which
     *     is 64 KiB with epoll; with io_uring by up to 1 MiB, for which the kernel has buffers.
     */
    public int inboundHighMark() {
        return inboundHighMark;
    }

    /** {@return below how many bytes reading resumes; default half the high mark} */
    public int inboundLowMark() {
        return inboundLowMark;
    }

    /** {@return at how many unsent bytes {@link Connection#isWritable} turns false; default 1 MiB} */
    public int outboundHighMark() {
        return outboundHighMark;
    }

    /**
     * {@return for how many bytes a single read or {@link Connection#demand} may wait; default 64 MiB} Such a read may
     * exceed the inbound high mark up to this limit. A read of bytes that have already arrived has no limit.
     */
    public int maxFrameLength() {
        return maxFrameLength;
    }

    /**
     * {@return whether a connection with a handler stays open after the peer finished and all requests were handled;
     * default false} Set it for servers that answer from other threads after the handler has returned. The program then
     * closes the connection itself: it stays open even when both directions have ended, until the idle time-out closes
     * it.
     */
    public boolean allowHalfOpen() {
        return allowHalfOpen;
    }

    /**
     * {@return the minimum size, in bytes, of a piece of this library's memory that the kernel sends without copying;
     * default 0, which means never}
     *
     * <p>A hint. The kernel pins pages instead of copying, and the memory is kept until the peer has acknowledged it.
     * So it pays only for large pieces, over a network card that can gather them: measure it, with 64 KiB and more. If
     * the kernel reports that it had to copy anyway, as on the loopback interface, the connection continues without it.
     * Pages count against RLIMIT_MEMLOCK; the kernel copies what exceeds it.
     *
     * @implNote Only TCP connections of the io_uring backend use it; the other backends ignore it.
     * @see <a href="https://man7.org/linux/man-pages/man3/io_uring_prep_send_zc.3.html">io_uring_prep_send_zc(3)</a>
     */
    public int zeroCopyThreshold() {
        return zeroCopyThreshold;
    }

    /** {@return the socket options of every connection} */
    public Map<SocketOption<?>, Object> socketOptions() {
        return socketOptions;
    }

    /** Collects options. Not thread-safe. */
    public static final class Builder {
        private Duration readTimeout = Connection.NO_TIMEOUT;
        private Duration writeTimeout = Duration.ofSeconds(30);
        private Duration idleTimeout = Connection.NO_TIMEOUT;
        private Duration keepAlive = Duration.ofSeconds(60);
        private Duration userTimeout = Duration.ofSeconds(60);
        private int inboundHighMark = 1 << 20;
        private int inboundLowMark = 1 << 19;
        private int outboundHighMark = 1 << 20;
        private int maxFrameLength = 64 << 20;
        private boolean allowHalfOpen;
        private int zeroCopyThreshold;
        private final Map<SocketOption<?>, Object> socketOptions = new LinkedHashMap<>();

        private Builder() {}

        /** Sets {@link ConnectionOptions#readTimeout()}: positive, or {@link Connection#NO_TIMEOUT}. */
        public Builder readTimeout(Duration timeout) {
            readTimeout = positive(timeout, "readTimeout");
            return this;
        }

        /** Sets {@link ConnectionOptions#writeTimeout()}: positive, or {@link Connection#NO_TIMEOUT}. */
        public Builder writeTimeout(Duration timeout) {
            writeTimeout = positive(timeout, "writeTimeout");
            return this;
        }

        /** Sets {@link ConnectionOptions#idleTimeout()}: positive, or {@link Connection#NO_TIMEOUT}. */
        public Builder idleTimeout(Duration timeout) {
            idleTimeout = positive(timeout, "idleTimeout");
            return this;
        }

        /** Sets {@link ConnectionOptions#keepAlive()}: at least a second, or {@link Connection#NO_TIMEOUT} for off. */
        public Builder keepAlive(Duration idle) {
            if (positive(idle, "keepAlive").compareTo(Duration.ofSeconds(1)) < 0) {
                throw new IllegalArgumentException("keepAlive must be at least a second: " + idle);
            }
            keepAlive = idle;
            return this;
        }

        /**
         * Sets {@link ConnectionOptions#userTimeout()}: positive, or {@link Connection#NO_TIMEOUT} for the system's.
         */
        public Builder userTimeout(Duration timeout) {
            userTimeout = positive(timeout, "userTimeout");
            return this;
        }

        /**
         * Sets {@link ConnectionOptions#inboundHighMark()} and {@link ConnectionOptions#inboundLowMark()}, in bytes.
         */
        public Builder inboundMarks(int low, int high) {
            if (low <= 0 || high < low) {
                throw new IllegalArgumentException("marks must be 0 < low <= high: " + low + ", " + high);
            }
            inboundLowMark = low;
            inboundHighMark = high;
            return this;
        }

        /** Sets {@link ConnectionOptions#outboundHighMark()}, in bytes. */
        public Builder outboundHighMark(int bytes) {
            outboundHighMark = positiveInt(bytes, "outboundHighMark");
            return this;
        }

        /** Sets {@link ConnectionOptions#maxFrameLength()}, in bytes. */
        public Builder maxFrameLength(int bytes) {
            maxFrameLength = positiveInt(bytes, "maxFrameLength");
            return this;
        }

        /** Sets {@link ConnectionOptions#allowHalfOpen()}. */
        public Builder allowHalfOpen(boolean allow) {
            allowHalfOpen = allow;
            return this;
        }

        /** Sets {@link ConnectionOptions#zeroCopyThreshold()}: bytes, at least 4096, or 0 for never. */
        public Builder zeroCopyThreshold(int bytes) {
            if (bytes != 0 && bytes < ZERO_COPY_LEAST) {
                throw new IllegalArgumentException(
                        "zeroCopyThreshold must be 0 or at least " + ZERO_COPY_LEAST + ": " + bytes);
            }
            zeroCopyThreshold = bytes;
            return this;
        }

        /** Adds a socket option; the last value of one option counts. */
        public <T> Builder socketOption(SocketOption<T> option, T value) {
            socketOptions.put(
                    Objects.requireNonNull(option, "option"),
                    Objects.requireNonNull(option.type().cast(value), option::name));
            return this;
        }

        /** {@return the options} */
        public ConnectionOptions build() {
            return new ConnectionOptions(this);
        }

        private static int positiveInt(int value, String name) {
            if (value <= 0) {
                throw new IllegalArgumentException(name + " must be positive: " + value);
            }
            return value;
        }
    }

    /** {@return the duration, if it is positive} */
    static Duration positive(Duration value, String name) {
        Objects.requireNonNull(value, name);
        if (value.isNegative() || value.isZero()) {
            throw new IllegalArgumentException(
                    name + " must be positive: " + value + "; Connection.NO_TIMEOUT means none");
        }
        return value;
    }
}
