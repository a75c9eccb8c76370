// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The way to reach the operating system's sockets. There is one object for each name, so {@code ==} compares them. */
public final class Backend {
    private static final Map<String, Backend> ALL = new ConcurrentHashMap<>();

    /**
     * {@link #EPOLL} where it can be had, else {@link #NIO}. If the loops are wanted on platform threads, {@link
     * #IO_URING} before both: there it is never slower. The choice and its reason are logged once.
     */
    public static final Backend AUTO = of("auto");

    /** Linux's epoll, called without native code of our own; needs {@code --enable-native-access=dev.netpoll}. */
    public static final Backend EPOLL = of("epoll");

    /**
     * Linux's io_uring, called without native code of our own; needs Linux 6.1 or newer, {@code
     * --enable-native-access=dev.netpoll}, and that neither a sandbox forbids it, as the default seccomp profiles of
     * container engines do, nor the setting {@code kernel.io_uring_disabled}. Its loops are platform threads.
     */
    public static final Backend IO_URING = of("io_uring");

    /** The JDK's channels: every platform, no flags. */
    public static final Backend NIO = of("nio");

    private final String name;

    private Backend(String name) {
        this.name = name;
    }

    /**
     * {@return the backend of that name, in upper or lower case} One of those above, or one that another module brings;
     * whether there is such a one shows when a group is built with it.
     */
    public static Backend of(String name) {
        return ALL.computeIfAbsent(name.toLowerCase(Locale.ROOT), Backend::new);
    }

    /** {@return the name in lower case: {@code epoll}} */
    public String name() {
        return name;
    }

    /** {@return the name} */
    @Override
    public String toString() {
        return name;
    }
}
