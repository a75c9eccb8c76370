// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

/** A soak of the library with faults in it: {@code --faults} says how many a second. */
final class FaultySoak {
    private FaultySoak() {}

    /** Passes the arguments on to the soak. */
    public static void main(String[] arguments) throws ReflectiveOperationException {
        new FaultyLoader()
                .loadClass("dev.netpoll.conformance.soak.Soak")
                .getMethod("main", String[].class)
                .invoke(null, (Object) arguments);
    }
}
