// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.Backend;
import dev.netpoll.conformance.wrapped.Wrapping;
import java.util.Locale;

/** One of the combinations for which every test class is run again. */
public record Variant(Backend backend, Transport transport, Mode mode) {
    /** {@return whether handlers must not block} */
    public boolean isInline() {
        return mode == Mode.INLINE;
    }

    /** {@return whether the sockets are TCP's} */
    public boolean isTcp() {
        return transport.isTcp();
    }

    /** {@return whether the backend, or what it wraps, speaks to the kernel itself} */
    public boolean isNative() {
        return Wrapping.inside(backend) != Backend.NIO;
    }

    @Override
    public String toString() {
        return (backend + "/" + transport + "/" + mode).toLowerCase(Locale.ROOT);
    }
}
