// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.internal.base.RateLimit;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.nio.file.FileSystemException;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** See {@link ErrorHandler#LOGGING}. */
final class LoggingErrorHandler {
    /** Between warnings of failures of other connections: in a proxy, the peers of those cause them. */
    private static final RateLimit OF_OTHERS = new RateLimit(TimeUnit.SECONDS.toNanos(1));

    private LoggingErrorHandler() {}

    static void log(Connection connection, Throwable error) {
        System.Logger logger = System.getLogger("dev.netpoll");
        Throwable cause = error instanceof UncheckedIOException ? error.getCause() : error;
        if (isRoutine(connection, cause) || (cause instanceof ConnectionException && !OF_OTHERS.tryPass())) {
            if (logger.isLoggable(Level.DEBUG)) {
                logger.log(Level.DEBUG, connection + " is closed, as a callback of it failed: " + error);
            }
        } else {
            logger.log(Level.WARNING, "a callback of " + connection + " failed; the connection is closed", error);
        }
    }

    /** {@return whether the connection's own peer may have caused it} A switch by type would load a class late. */
    private static boolean isRoutine(Connection connection, @Nullable Throwable error) {
        if (error instanceof ConnectionException failure) {
            return isOf(connection, failure);
        }
        return error == null || (error instanceof IOException && !(error instanceof FileSystemException));
    }

    /** {@return whether it is a failure of that connection, and not of another one that its handler uses} */
    private static boolean isOf(Connection connection, ConnectionException failure) {
        return !(failure instanceof ConnectFailedException || failure instanceof ConnectTimeoutException)
                && (failure.localAddress() == null || failure.localAddress().equals(connection.localAddress()))
                && Objects.equals(failure.remoteAddress(), connection.remoteAddress());
    }
}
