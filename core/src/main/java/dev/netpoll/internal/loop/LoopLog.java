// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

/**
 * Where loops tell what went wrong, after they have seen to it. The logger is found when there is something to tell:
 * that takes a while. Telling never fails: without memory nothing is told.
 */
final class LoopLog {
    /** Found late; if that fails for want of memory or descriptors, it is tried again. */
    private static final String LOGGER = "dev.netpoll";

    private LoopLog() {}

    static void error(String message, Throwable cause) {
        error(message, "", cause);
    }

    /** Takes the message in two parts, as joining them needs memory. */
    static void error(String message, String name, Throwable cause) {
        try {
            System.getLogger(LOGGER).log(System.Logger.Level.ERROR, message + name, cause);
        } catch (Throwable t) {
            // Nobody can be told.
        }
    }
}
