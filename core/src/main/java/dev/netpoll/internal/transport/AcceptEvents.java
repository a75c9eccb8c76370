// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

/** What a listening socket reports, on the thread that polls. Must not throw. */
public interface AcceptEvents {
    /** A connection was accepted; non-blocking, close-on-exec, not registered. The receiver owns it. */
    void accepted(Transport transport);

    /**
     * Accepting failed with a lasting error such as EMFILE. (A connection that was gone before it was accepted is not
     * reported.) The receiver must pause the listener, or the error is reported again.
     */
    void acceptFailed(int errno);
}
