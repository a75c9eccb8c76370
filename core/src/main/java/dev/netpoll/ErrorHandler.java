// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors
package dev.netpoll;

/** Told once of each exception that a callback of a connection threw. The connection is closed afterwards. */
@FunctionalInterface
public interface ErrorHandler {
    /** Receives the exception, on the thread the callback ran on. What this method throws is logged. */
    void onError(Connection connection, Throwable error);
}
