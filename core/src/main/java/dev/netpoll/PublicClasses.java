// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

/** The classes of this package that a handler without stack left could be the first to need. */
final class PublicClasses {
    private PublicClasses() {}

    static Class<?>[] all() {
        return new Class<?>[] {
            ErrorHandler.class,
            Dispatch.class,
            Dispatch.Adaptive.class,
            Dispatch.Virtual.class,
            Dispatch.Inline.class,
            Dispatch.Executor.class,
            Protocol.class,
            Protocol.Builder.class,
            Framing.class,
            ConnectionOptions.class,
            ConnectionOptions.Builder.class,
            Dialer.class,
            Dialer.Builder.class,
            Server.class,
            Server.Builder.class,
            DetachedSocket.class
        };
    }
}
