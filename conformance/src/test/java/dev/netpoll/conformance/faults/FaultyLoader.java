// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

import java.io.IOException;
import java.io.InputStream;

/**
 * Loads the library a second time, with faults; beside it what uses the library in the tests, as it is. What arms the
 * faults is the parent's.
 */
final class FaultyLoader extends ClassLoader {
    private static final String LIBRARY = "dev.netpoll.";
    private static final String TESTS = "dev.netpoll.conformance.";
    private static final String TESTKIT = "dev.netpoll.testkit.";
    /** Looks for mistakes in tests and says where; nothing that runs in production. */
    private static final String CHECKS = "dev.netpoll.internal.memory.CheckedMode";

    private static final String OURS = "dev.netpoll.conformance.faults.";
    private static final String SCENARIOS = "dev.netpoll.conformance.faults.scenario.";

    static {
        registerAsParallelCapable();
    }

    FaultyLoader() {
        super("faulty", FaultyLoader.class.getClassLoader());
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (!name.startsWith(LIBRARY) || (name.startsWith(OURS) && !name.startsWith(SCENARIOS))) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> loaded = findLoadedClass(name);
            return loaded != null ? loaded : define(name);
        }
    }

    private Class<?> define(String name) throws ClassNotFoundException {
        byte[] bytes = bytes(name);
        if (!name.startsWith(TESTS) && !name.startsWith(TESTKIT) && !name.startsWith(CHECKS)) {
            bytes = Instrumenter.instrument(bytes);
        }
        return defineClass(name, bytes, 0, bytes.length);
    }

    private byte[] bytes(String name) throws ClassNotFoundException {
        try (InputStream in = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
            if (in == null) {
                throw new ClassNotFoundException(name);
            }
            return in.readAllBytes();
        } catch (IOException failure) {
            throw new ClassNotFoundException(name, failure);
        }
    }
}
