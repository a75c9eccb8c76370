// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

/** The way to reach the operating system's sockets. */
public enum Backend {
    /**
     * The best one that works here: {@link #EPOLL} where it can be had, else {@link #NIO}. The choice and its reason
     * are logged once.
     */
    AUTO,
    /** Linux's epoll, called without native code of our own; needs {@code --enable-native-access=dev.netpoll}. */
    EPOLL,
    /** The JDK's channels: every platform, no flags. */
    NIO
}
