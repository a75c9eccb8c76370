// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

/** Told once of each exception that a callback of a connection threw. The connection is closed afterwards. */
@FunctionalInterface
public interface ErrorHandler {
    /**
     * The default: logs to the {@link System.Logger} {@code dev.netpoll}. What peers cause, a
     * {@link ConnectionException}, is no news and logged at level DEBUG; anything else is a warning.
     */
    ErrorHandler LOGGING = (connection, error) -> System.getLogger("dev.netpoll")
            .log(
                    error instanceof ConnectionException ? System.Logger.Level.DEBUG : System.Logger.Level.WARNING,
                    "a callback of " + connection + " failed; the connection is closed",
                    error);

    /** Receives the exception, on the thread the callback ran on. What this method throws is logged. */
    void onError(Connection connection, Throwable error);
}
