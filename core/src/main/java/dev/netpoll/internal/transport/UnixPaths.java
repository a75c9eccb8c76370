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

/** What backends need to know about the files that Unix sockets are bound to. Blocking file access. */
public final class UnixPaths {
    private static final int S_IFMT = 0xf000;
    private static final int S_IFSOCK = 0xc000;

    /** After so long another process that has bound a path listens on it, too. */
    private static final long LISTENS_NANOS = 20_000_000;

    /**
     * Held while a path is bound, replaced and listened on: binding and listening are two calls, and a path that is
     * bound looks between them as if nobody would ever listen on it. So servers of one process never take a path from
     * each other.
     */
    public static final Object BINDING = new Object();

    private UnixPaths() {}

    /**
     * {@return whether nobody listens on a path any more} Looks twice, as another process may have bound it just now.
     *
     * @param refuses whether a connect to it is refused; a full queue, or anything else, says that somebody is there
     */
    public static boolean isStale(BooleanSupplier refuses) {
        if (!refuses.getAsBoolean()) {
            return false;
        }
        LockSupport.parkNanos(LISTENS_NANOS);
        return refuses.getAsBoolean();
    }

    /** {@return what tells the file apart from one created later under the same name, or null if there is none} */
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

    /** Deletes the path if it is still the file with this key: somebody else may have bound it anew. */
    public static void deleteIfSame(Path path, @Nullable Object key) {
        synchronized (BINDING) {
            if (key != null && key.equals(key(path))) {
                delete(path);
            }
        }
    }

    /** Deletes a stale path. A failure shows when the path is bound again. */
    public static void delete(Path path) {
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            // Nothing depends on it: the next bind reports that the path is in use.
        }
    }
}
