// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Handles the files that Unix sockets are bound to. Accesses files, which may block. */
public final class UnixPaths {
    private static final int S_IFMT = 0xf000;
    private static final int S_IFSOCK = 0xc000;

    /** After this long, another process that has bound a path also listens on it. */
    private static final long LISTENS_NANOS = 20_000_000;

    /**
     * Held while a path is bound, replaced and listened on. Binding and listening are two calls, and between them a
     * bound path looks stale. So servers of one process never take a path from each other.
     */
    public static final Object BINDING = new Object();

    private UnixPaths() {}

    /**
     * {@return whether nobody listens on a path any more} Checks twice, as another process may have bound it just now.
     *
     * @param refuses whether a connect to it is refused; any other result, such as a full queue, means that a listener
     *     is there
     */
    public static boolean isStale(BooleanSupplier refuses) {
        if (!refuses.getAsBoolean()) {
            return false;
        }
        LockSupport.parkNanos(LISTENS_NANOS);
        return refuses.getAsBoolean();
    }

    /** {@return the identity of the file, unlike that of a later file of the same name; null if there is no file} */
    public static @Nullable Object key(Path path) {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                    .fileKey();
        } catch (IOException e) {
            return null;
        }
    }

    /** {@return whether the path is a socket, not a regular file, a pipe or a link} */
    public static boolean isSocket(Path path) {
        try {
            if (path.getFileSystem().supportedFileAttributeViews().contains("unix")) {
                Object mode = Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
                return mode instanceof Integer bits && (bits & S_IFMT) == S_IFSOCK;
            }
            return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                    .isOther();
        } catch (IOException e) {
            return false;
        }
    }

    /** Deletes the path if it is still the file with this key: another process may have bound it anew. */
    public static void deleteIfSame(Path path, @Nullable Object key) {
        synchronized (BINDING) {
            if (key != null && key.equals(key(path))) {
                delete(path);
            }
        }
    }

    /** Deletes a stale path. A failure shows at the next bind. */
    public static void delete(Path path) {
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            // Nothing depends on it: the next bind reports that the path is in use.
        }
    }
}
