// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

/** The way to reach the operating system's sockets. */
public enum Backend {
    /**
     * {@link #EPOLL} where it can be had, else {@link #NIO}. If the loops are wanted on platform threads, {@link
     * #IO_URING} before both: there it is never slower. The choice and its reason are logged once.
     */
    AUTO,
    /** Linux's epoll, called without native code of our own; needs {@code --enable-native-access=dev.netpoll}. */
    EPOLL,
    /**
     * Linux's io_uring, called without native code of our own; needs Linux 6.1 or newer, {@code
     * --enable-native-access=dev.netpoll}, and that neither a sandbox forbids it, as the default seccomp profiles of
     * container engines do, nor the setting {@code kernel.io_uring_disabled}. Its loops are platform threads.
     */
    IO_URING,
    /** The JDK's channels: every platform, no flags. */
    NIO
}
