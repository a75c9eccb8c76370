// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import org.jspecify.annotations.Nullable;

/**
 * Describes what happens on a connection: the callbacks, where frames end, which threads run the callbacks, and the
 * options. A {@link Server} and a {@link Dialer} take the same protocol, so a module that implements one hands it out
 * as a value:
 *
 * {@snippet file="dev/netpoll/examples/Snippets.java" region="protocol"}
 *
 * <p>Immutable; shareable by any number of servers and dialers.
 *
 * @since 0.1
 */
public final class Protocol {
    private final @Nullable ConnectionHandler onPrepare;
    private final @Nullable ConnectionHandler onConnect;
    private final @Nullable ConnectionHandler onRequest;
    private final @Nullable ConnectionHandler onInputEnd;
    private final @Nullable ConnectionHandler onDisconnect;
    private final ErrorHandler onError;
    private final @Nullable Framing framing;
    private final Dispatch dispatch;
    private final ConnectionOptions options;

    Protocol(ProtocolSettings<?> settings) {
        onPrepare = settings.onPrepare;
        onConnect = settings.onConnect;
        onRequest = settings.onRequest;
        onInputEnd = settings.onInputEnd;
        onDisconnect = settings.onDisconnect;
        onError = settings.onError;
        framing = settings.framing;
        dispatch = settings.dispatch;
        options = settings.options.build();
        if (framing != null) {
            framing.check(options);
        }
    }

    /** {@return a builder} */
    public static Builder builder() {
        return new Builder();
    }

    /** {@return a builder that begins with these settings} */
    public Builder toBuilder() {
        return builder().protocol(this);
    }

    /** {@return the callback that prepares a connection, or null} */
    public @Nullable ConnectionHandler onPrepare() {
        return onPrepare;
    }

    /** {@return the callback for a connection that is ready, or null} */
    public @Nullable ConnectionHandler onConnect() {
        return onConnect;
    }

    /** {@return the request handler, or null} */
    public @Nullable ConnectionHandler onRequest() {
        return onRequest;
    }

    /** {@return the callback for the end of the peer's bytes, in its place behind them, or null} */
    public @Nullable ConnectionHandler onInputEnd() {
        return onInputEnd;
    }

    /** {@return the callback for the peer's end, as soon as it is known, or null} */
    public @Nullable ConnectionHandler onDisconnect() {
        return onDisconnect;
    }

    /** {@return the handler of exceptions from callbacks} */
    public ErrorHandler onError() {
        return onError;
    }

    /** {@return where frames end, or null if the request handler finds that out itself} */
    public @Nullable Framing framing() {
        return framing;
    }

    /** {@return which threads run the callbacks} */
    public Dispatch dispatch() {
        return dispatch;
    }

    /** {@return the options of each connection} */
    public ConnectionOptions options() {
        return options;
    }

    /** Collects the settings of a protocol. Not thread-safe. */
    public static final class Builder extends ProtocolSettings<Builder> {
        private Builder() {}

        @Override
        Builder self() {
            return this;
        }

        /**
         * {@return the protocol}
         *
         * @throws IllegalArgumentException if the framing's limit lets no frame through
         */
        public Protocol build() {
            return new Protocol(this);
        }
    }
}
