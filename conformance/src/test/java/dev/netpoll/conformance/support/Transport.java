// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors
package dev.netpoll.conformance.support;

import java.net.ProtocolFamily;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;

/** The kind of stream socket a variant runs on. */
public enum Transport {
    TCP4(StandardProtocolFamily.INET),
    TCP6(StandardProtocolFamily.INET6),
    UNIX(StandardProtocolFamily.UNIX);

    private final ProtocolFamily family;

    Transport(ProtocolFamily family) {
        this.family = family;
    }

    /** {@return the family of its addresses} */
    public ProtocolFamily family() {
        return family;
    }

    /** {@return whether it has ports, resets by linger, and options such as {@link StandardSocketOptions#TCP_NODELAY}} */
    public boolean isTcp() {
        return this != UNIX;
    }
}
