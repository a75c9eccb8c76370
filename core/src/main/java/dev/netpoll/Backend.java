// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.lang.ref.WeakReference;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * The way to reach the operating system's sockets. Each name has one object, so {@code ==} compares backends.
 *
 * @since 0.1
 */
public final class Backend {
    /** Guarded by itself. Weak, as other modules may create any number of backends: one for each test network. */
    private static final Map<String, WeakReference<Backend>> ALL = new HashMap<>();

    /**
     * {@link #EPOLL} where it is available, else {@link #NIO}. With loops on platform threads it prefers {@link
     * #IO_URING}, which is never slower there. The library logs its choice and the reason once.
     */
    public static final Backend AUTO = of("auto");

    /** Linux's epoll, called without a native library; needs {@code --enable-native-access=dev.netpoll}. */
    public static final Backend EPOLL = of("epoll");

    /**
     * Linux's io_uring, called without a native library. It needs Linux 6.1 or newer and {@code
     * --enable-native-access=dev.netpoll}. A sandbox may forbid it, as the default seccomp profiles of container
     * engines do, and so may the setting {@code kernel.io_uring_disabled}. Its loops are platform threads.
     */
    public static final Backend IO_URING = of("io_uring");

    /** The JDK's channels: every platform, no flags. */
    public static final Backend NIO = of("nio");

    private final String name;

    private Backend(String name) {
        this.name = name;
    }

    /**
     * {@return the backend of that name, in upper or lower case} One of the constants above, or one that another module
     * provides. Building a group with it shows whether it exists.
     */
    public static Backend of(String name) {
        String lowerCase = name.toLowerCase(Locale.ROOT);
        synchronized (ALL) {
            WeakReference<Backend> known = ALL.get(lowerCase);
            Backend backend = known == null ? null : known.get();
            if (backend == null) {
                ALL.values().removeIf(reference -> reference.refersTo(null));
                backend = new Backend(lowerCase);
                ALL.put(lowerCase, new WeakReference<>(backend));
            }
            return backend;
        }
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
