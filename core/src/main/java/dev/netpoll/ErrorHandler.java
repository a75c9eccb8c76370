// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.io.IOException;

/**
 * Receives each exception or error that a callback of a connection threw, once. The library closes that connection; the
 * others continue.
 *
 * <p>It closes it in order, when the error handler has returned. So the error handler may still write and flush an
 * answer: what the callback wrote and did not flush is dropped before. Or it calls {@link Connection#abort}, so that
 * the peer of a stream does not take a part for the whole. If the connection has ended already, or was never usable,
 * its methods throw or do nothing, as ever. So it is when an executor has rejected a callback.
 *
 * @since 0.1
 */
@FunctionalInterface
public interface ErrorHandler {
    /**
     * The default: logs to the {@link System.Logger} {@code dev.netpoll}. Peers cause an {@link IOException}, also
     * within an {@link java.io.UncheckedIOException}: they leave, break off, or send invalid bytes. Such failures are
     * routine and logged as one line at DEBUG. Anything else needs the program's attention, and is logged at WARNING
     * with the stack: other exceptions and errors, a {@link ConnectionException} of another connection, such as a
     * backend that cannot be reached, at most once in a second, and a {@link java.nio.file.FileSystemException}.
     *
     * <p>So that no peer can fill the log, read the lengths it sends with {@code Reader.readLength}, and throw an
     * {@link IOException} for its other mistakes.
     */
    ErrorHandler LOGGING = LoggingErrorHandler::log;

    /**
     * Receives the exception, on the thread on which the callback ran; so it may block where the callback may. The
     * library logs what this method throws.
     */
    void onError(Connection connection, Throwable error);
}
