// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

/** Where loops tell what went wrong. The logger is found when there is something to tell: that takes a while. */
final class LoopLog {
    private static final System.Logger LOG = System.getLogger("dev.netpoll");

    private LoopLog() {}

    static void error(String message, Throwable cause) {
        LOG.log(System.Logger.Level.ERROR, message, cause);
    }
}
