// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.io.IOException;

/**
 * Told once of each exception that a callback of a connection threw, errors included. The connection is closed
 * meanwhile; the other ones go on.
 */
@FunctionalInterface
public interface ErrorHandler {
    /**
     * The default: logs to the {@link System.Logger} {@code dev.netpoll}. An {@link IOException}, also within an
     * {@link java.io.UncheckedIOException}, is what peers cause: they leave, break off, or send what makes no sense. It
     * is no news, and one line at level DEBUG. Anything else is a mistake in the program, and a WARNING with the stack.
     *
     * <p>So that no peer can fill the log, read the lengths it sends with {@code Reader.readLength}, and throw an
     * {@link IOException} for what else it got wrong.
     */
    ErrorHandler LOGGING = LoggingErrorHandler::log;

    /** Receives the exception, on the thread the callback ran on. What this method throws is logged. */
    void onError(Connection connection, Throwable error);
}
