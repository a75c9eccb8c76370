// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import org.jspecify.annotations.Nullable;

/**
 * What happens on a connection: the callbacks, where frames end, who runs the callbacks, and the options. A
 * {@link Server} and a {@link Dialer} take the same protocol, so a module that implements one hands it out as a value:
 *
 * {@snippet :
 * Protocol echo = Protocol.builder()
 *         .framing(Framing.lengthField(0, 4))
 *         .onRequest(connection -> {
 *             int length = connection.reader().readInt();
 *             byte[] payload = connection.reader().readBytes(length);
 *             connection.writer().writeInt(length).writeBytes(payload).flush();
 *         })
 *         .build();
 * Server server = Server.builder().protocol(echo).build();
 * Dialer dialer = Dialer.builder().protocol(echo).build();
 * }
 *
 * <p>Immutable; shareable by any number of servers and dialers.
 */
public final class Protocol {
    private final @Nullable ConnectionHandler onPrepare;
    private final @Nullable ConnectionHandler onConnect;
    private final @Nullable ConnectionHandler onRequest;
    private final @Nullable ConnectionHandler onDisconnect;
    private final ErrorHandler onError;
    private final @Nullable Framing framing;
    private final Dispatch dispatch;
    private final ConnectionOptions options;

    Protocol(ProtocolSettings<?> settings) {
        onPrepare = settings.onPrepare;
        onConnect = settings.onConnect;
        onRequest = settings.onRequest;
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

    /** {@return a builder that begins with what this protocol has} */
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

    /** {@return the callback for the peer's end, or null} */
    public @Nullable ConnectionHandler onDisconnect() {
        return onDisconnect;
    }

    /** {@return what is told of the exceptions of callbacks} */
    public ErrorHandler onError() {
        return onError;
    }

    /** {@return where frames end, or null if the request handler finds that out itself} */
    public @Nullable Framing framing() {
        return framing;
    }

    /** {@return who runs the callbacks} */
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
         * @throws IllegalArgumentException if no frame of the framing is within its limit
         */
        public Protocol build() {
            return new Protocol(this);
        }
    }
}
