// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * How a listening socket is opened.
 *
 * @param backlog length of the accept queue; 0 means the system's maximum (somaxconn)
 * @param reusePort whether several sockets may share the address (SO_REUSEPORT)
 * @param replaceStalePath whether a Unix socket path that nobody listens on is deleted before binding
 */
public record ListenOptions(int backlog, boolean reusePort, boolean replaceStalePath) {
    private static final Path SOMAXCONN = Path.of("/proc/sys/net/core/somaxconn");

    /** Linux's default since 5.4. */
    private static final int USUAL_SOMAXCONN = 4096;

    /** {@return the backlog to ask for: the given one, or the system's maximum} */
    public int effectiveBacklog() {
        if (backlog > 0) {
            return backlog;
        }
        // One large read: the kernel does not return the rest of such a file to a second read, as Files.readString
        // does.
        try (InputStream in = Files.newInputStream(SOMAXCONN)) {
            return Integer.parseInt(new String(in.readNBytes(32), StandardCharsets.US_ASCII).strip());
        } catch (IOException | NumberFormatException e) {
            return USUAL_SOMAXCONN;
        }
    }
}
