// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import org.opentest4j.TestAbortedException;

/** The conditions of tests that make sense in checked mode only. */
final class Checked {
    private Checked() {}

    static boolean nativeAccess() {
        return Checked.class.getModule().isNativeAccessEnabled();
    }

    static void assumeOn() {
        assume(BufferMemory.isChecked(), "checked mode is off");
    }

    static void assumeNativeAccess() {
        assume(nativeAccess(), "views end only where native access is granted");
    }

    private static void assume(boolean condition, String otherwise) {
        if (!condition) {
            System.out.println("not run: " + otherwise);
            throw new TestAbortedException(otherwise);
        }
    }
}
