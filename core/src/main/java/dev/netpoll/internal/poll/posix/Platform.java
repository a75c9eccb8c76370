// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportException;
import org.jspecify.annotations.Nullable;

/** Checks what a backend needs of the machine and the JVM before it may link a function. */
public final class Platform {
    private Platform() {}

    /** {@return null if the backend may be tried, else a sentence that says why not and what to do} */
    public static @Nullable String reasonAgainst(String backend) {
        String system = System.getProperty("os.name");
        if (!"Linux".equals(system)) {
            return backend + " needs Linux, this is " + system + ": use the nio backend";
        }
        String machine = System.getProperty("os.arch");
        if (!"amd64".equals(machine) && !"aarch64".equals(machine)) {
            return backend + " is supported on x86-64 and aarch64, this is " + machine + ": use the nio backend";
        }
        Module module = Platform.class.getModule();
        if (!module.isNativeAccessEnabled()) {
            String name = module.isNamed() ? module.getName() : "ALL-UNNAMED";
            return backend + " needs native access: start the JVM with --enable-native-access=" + name;
        }
        return null;
    }

    /** {@return the exception for a lack of memory for a poller, the same as if the kernel had none} */
    public static TransportException noMemory(OutOfMemoryError cause) {
        TransportException failure = new TransportException("open an event loop", Errno.ENOMEM);
        failure.initCause(cause);
        return failure;
    }
}
