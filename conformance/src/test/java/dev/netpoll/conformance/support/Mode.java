// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.Dispatch;

/** Who runs the handlers of a variant. */
public enum Mode {
    /** The event loop while handlers are short, else virtual threads: handlers may block. */
    ADAPTIVE,
    /** A virtual thread for each run: handlers may block. */
    VIRTUAL,
    /** The event loop: handlers never block. */
    INLINE;

    /** {@return the dispatch to give to servers and dialers} */
    public Dispatch dispatch() {
        return switch (this) {
            case ADAPTIVE -> Dispatch.adaptive();
            case VIRTUAL -> Dispatch.virtual();
            case INLINE -> Dispatch.inline();
        };
    }
}
