// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

/** The kind of stream socket a variant runs on. */
public enum Transport {
    TCP4,
    TCP6,
    UNIX;

    /** {@return whether it has ports, resets by linger, and options such as TCP_NODELAY} */
    public boolean isTcp() {
        return this != UNIX;
    }
}
