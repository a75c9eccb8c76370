// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.Dispatch;

/** Who runs the handlers of a variant. */
public enum Mode {
    /** A virtual thread for each run: handlers may block. */
    VIRTUAL,
    /** The event loop: handlers never block. */
    INLINE;

    /** {@return the dispatch to give to servers and dialers} */
    public Dispatch dispatch() {
        return this == VIRTUAL ? Dispatch.virtual() : Dispatch.inline();
    }
}
