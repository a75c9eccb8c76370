// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The settings that the builders of {@link Protocol}, {@link Server} and {@link Dialer} share. A second call of a
 * setter replaces the first value; no setter silently drops what another one set.
 *
 * @param <B> the builder, which each setter returns
 * @since 0.1
 */
public abstract sealed class ProtocolSettings<B extends ProtocolSettings<B>>
        permits Protocol.Builder, Server.Builder, Dialer.Builder {
    @Nullable
    ConnectionHandler onPrepare;

    @Nullable
    ConnectionHandler onConnect;

    @Nullable
    ConnectionHandler onRequest;

    @Nullable
    ConnectionHandler onInputEnd;

    @Nullable
    ConnectionHandler onDisconnect;

    ErrorHandler onError = ErrorHandler.LOGGING;

    @Nullable
    Framing framing;

    Dispatch dispatch = Dispatch.adaptive();
    ConnectionOptions.Builder options = ConnectionOptions.builder();

    /** Whether a single setting was set, which {@link #protocol} would drop. */
    private boolean someSet;

    /** Whether a single option was set, which {@link #options} would drop. */
    private boolean optionSet;

    ProtocolSettings() {}

    abstract B self();

    /**
     * Takes all settings of a protocol; later setters change single ones.
     *
     * @throws IllegalStateException if an earlier setter was called, whose value this would drop
     */
    public B protocol(Protocol protocol) {
        Objects.requireNonNull(protocol, "protocol");
        if (someSet) {
            throw new IllegalStateException(
                    "protocol() replaces all settings of the protocol: call it before the others");
        }
        onPrepare = protocol.onPrepare();
        onConnect = protocol.onConnect();
        onRequest = protocol.onRequest();
        onInputEnd = protocol.onInputEnd();
        onDisconnect = protocol.onDisconnect();
        onError = protocol.onError();
        framing = protocol.framing();
        dispatch = protocol.dispatch();
        options = protocol.options().toBuilder();
        return self();
    }

    /**
     * Runs once for each connection before any other callback of it, and before {@code dial} returns. It may set
     * options, attach an object, add callbacks, or close the connection to reject it, which makes {@code dial} fail. It
     * can neither read nor write yet; another thread may once onConnect would run, so publish it there. {@link
     * Dialer#dial(java.net.SocketAddress, Duration, Object)} passes data that belong to a single dial.
     */
    public B onPrepare(ConnectionHandler handler) {
        onPrepare = Objects.requireNonNull(handler, "handler");
        return set();
    }

    /**
     * Runs once when a connection is ready; may read and write. The library handles no request before it returns.
     * {@code dial} does not wait for it, so a program that dials with it leaves reading to the callbacks.
     */
    public B onConnect(ConnectionHandler handler) {
        onConnect = Objects.requireNonNull(handler, "handler");
        return set();
    }

    /**
     * Runs when bytes have arrived, one run at a time on a connection. After a run that consumed some bytes and left
     * some, the next one follows at once. After a run that consumed nothing, the next one follows when more bytes
     * arrive, or when as many are there as the handler {@linkplain Connection#demand demanded}. A handler that waits
     * for more than {@link ConnectionOptions#inboundHighMark} must demand it, because no more than that arrives
     * otherwise. When the run ends, the library releases what it consumed and flushes what it wrote.
     *
     * <p>On a dialed connection it handles the peer's bytes instead of a caller that reads. It may run before {@code
     * dial} returns: {@linkplain Dialer#dial(java.net.SocketAddress, Duration, Object) attach} the object that it
     * needs, or prepare it in {@link #onPrepare}.
     */
    public B onRequest(ConnectionHandler handler) {
        onRequest = Objects.requireNonNull(handler, "handler");
        return set();
    }

    /**
     * Runs once when the peer has finished sending and onRequest has handled all it can: after its last run, and never
     * beside one. Bytes that are still {@linkplain dev.netpoll.buffer.Reader#readableBytes readable} then belong to a
     * message whose rest never comes. A proxy calls {@link Connection#shutdownOutput} of the other side here; a server
     * that answers from other threads closes the connection here, or after its last answer. When this returns, the
     * connection closes itself unless {@link ConnectionOptions#allowHalfOpen} is set. It does not run again, even if it
     * found {@link Connection#isWritable} false. A handler that {@link Connection#onRequest} sets later runs, too.
     *
     * <p>Not called if the connection breaks or closes before, or has no request handler: there the caller who reads
     * gets the end.
     */
    public B onInputEnd(ConnectionHandler handler) {
        onInputEnd = Objects.requireNonNull(handler, "handler");
        return set();
    }

    /**
     * Runs once when the peer finished sending or was lost, as soon as that is known: after onConnect, possibly at the
     * same time as onRequest, and before the peer's last bytes are handled. It can cancel what a handler does for a
     * peer that has gone. {@link #onInputEnd} comes in its place behind the bytes.
     */
    public B onDisconnect(ConnectionHandler handler) {
        onDisconnect = Objects.requireNonNull(handler, "handler");
        return set();
    }

    /** Receives what callbacks throw, before their connection closes; {@link ErrorHandler#LOGGING} by default. */
    public B onError(ErrorHandler handler) {
        onError = Objects.requireNonNull(handler, "handler");
        return set();
    }

    /**
     * Runs onRequest once for each whole frame, as {@link Framing} describes; without framing by default. It does not
     * affect a caller that reads itself.
     */
    public B framing(Framing framing) {
        this.framing = Objects.requireNonNull(framing, "framing");
        return set();
    }

    /** Selects the threads that run the callbacks; {@link Dispatch#adaptive()} by default. */
    public B dispatch(Dispatch dispatch) {
        this.dispatch = Objects.requireNonNull(dispatch, "dispatch");
        return set();
    }

    /**
     * Sets all options of the connections; {@link ConnectionOptions#defaults()} by default. Later setters of single
     * options change these.
     *
     * @throws IllegalStateException if a single option was set before, which this would drop
     */
    public B options(ConnectionOptions options) {
        Objects.requireNonNull(options, "options");
        if (optionSet) {
            throw new IllegalStateException("options() replaces all options: call it before those of single options");
        }
        this.options = options.toBuilder();
        return set();
    }

    /** Shorthand for {@link ConnectionOptions.Builder#readTimeout}. */
    public B readTimeout(Duration timeout) {
        options.readTimeout(timeout);
        return setOption();
    }

    /** Shorthand for {@link ConnectionOptions.Builder#writeTimeout}. */
    public B writeTimeout(Duration timeout) {
        options.writeTimeout(timeout);
        return setOption();
    }

    /** Shorthand for {@link ConnectionOptions.Builder#idleTimeout}. */
    public B idleTimeout(Duration timeout) {
        options.idleTimeout(timeout);
        return setOption();
    }

    private B set() {
        someSet = true;
        return self();
    }

    private B setOption() {
        optionSet = true;
        return set();
    }
}
