// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.base;

import jdk.jfr.FlightRecorder;

/** Tells whether the flight recorder runs. A runtime may lack its module, {@code jdk.jfr}. */
public final class Flight {
    private static final boolean AVAILABLE =
            ModuleLayer.boot().findModule("jdk.jfr").isPresent();

    private Flight() {}

    /** {@return whether events would be recorded} */
    public static boolean isRecorded() {
        return AVAILABLE && FlightRecorder.isInitialized();
    }
}
