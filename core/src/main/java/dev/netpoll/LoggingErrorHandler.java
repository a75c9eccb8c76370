// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;

/** See {@link ErrorHandler#LOGGING}. */
final class LoggingErrorHandler {
    private LoggingErrorHandler() {}

    static void log(Connection connection, Throwable error) {
        System.Logger logger = System.getLogger("dev.netpoll");
        if (error instanceof IOException || error instanceof UncheckedIOException) {
            if (logger.isLoggable(Level.DEBUG)) {
                logger.log(Level.DEBUG, connection + " is closed, as a callback of it failed: " + error);
            }
        } else {
            logger.log(Level.WARNING, "a callback of " + connection + " failed; the connection is closed", error);
        }
    }
}
