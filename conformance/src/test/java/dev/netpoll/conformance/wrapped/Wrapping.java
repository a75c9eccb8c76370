// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.wrapped;

import dev.netpoll.Backend;
import dev.netpoll.internal.endpoint.BackendChoice;
import dev.netpoll.internal.poll.Mechanisms;
import org.jspecify.annotations.Nullable;

/** The one backend that this run is to wrap: {@code -Dnetpoll.test.wrapped=epoll}. */
public final class Wrapping {
    private static final String PREFIX = "chopped-";
    private static final @Nullable String WRAPPED = System.getProperty("netpoll.test.wrapped");

    private Wrapping() {}

    /** {@return whether the run is one on a wrapped backend, and on nothing else} */
    public static boolean isAsked() {
        return WRAPPED != null;
    }

    /** {@return whether that backend is the one that is wrapped} */
    public static boolean isAskedFor(Backend backend) {
        return backend.name().equalsIgnoreCase(WRAPPED);
    }

    /** {@return the wrapped backend around another one, which is looked for when a group is built with the result} */
    public static Backend around(Backend backend) {
        String name = PREFIX + backend.name();
        Backend wrapped = Backend.of(name);
        Mechanisms.install(
                wrapped,
                () -> new ChoppedMechanism(
                        name, BackendChoice.choose(backend, true).mechanism()));
        return wrapped;
    }

    /** {@return what the backend wraps, or the backend itself} */
    public static Backend inside(Backend backend) {
        String name = backend.name();
        return name.startsWith(PREFIX) ? Backend.of(name.substring(PREFIX.length())) : backend;
    }
}
