// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import dev.netpoll.Backend;
import java.util.Map;
import java.util.Objects;
import java.util.WeakHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The mechanisms of backends that other modules provide, such as each network of the testkit.
 *
 * <p><b>Place.</b> Modules install their backends here; building a group looks for them.
 *
 * <p><b>Threads.</b> Any thread. The lock of {@code INSTALLED} guards it; suppliers run outside.
 *
 * <p><b>Memory.</b> An entry lives as long as its {@link Backend} object, so a module that makes many backends leaks
 * none. A supplier must not refer to its backend: the entry would never end.
 */
public final class Mechanisms {
    private static final Map<Backend, Supplier<? extends Mechanism>> INSTALLED = new WeakHashMap<>();

    private Mechanisms() {}

    /** Installs the mechanism of a backend, in place of an earlier one. Each group that is built asks the supplier. */
    public static void install(Backend backend, Supplier<? extends Mechanism> mechanism) {
        Objects.requireNonNull(mechanism, "mechanism");
        synchronized (INSTALLED) {
            INSTALLED.put(backend, mechanism);
        }
    }

    /** {@return the mechanism of a backend, or null if no module has installed one} */
    public static @Nullable Mechanism find(Backend backend) {
        Supplier<? extends Mechanism> installed;
        synchronized (INSTALLED) {
            installed = INSTALLED.get(backend);
        }
        return installed == null ? null : installed.get();
    }
}
