// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Non-blocking networking: connections, servers and dialers over event loops, with pooled zero-copy buffers.
 *
 * <p>Native access makes the fast backends possible: run with {@code --enable-native-access=dev.netpoll}.
 */
@org.jspecify.annotations.NullMarked
@SuppressWarnings("module") // the testkit is built after this module, which it uses
module dev.netpoll {
    requires static org.jspecify; // annotations; not transitive, so that users need our jar alone
    requires static jdk.jfr; // events, where the runtime has it

    exports dev.netpoll;
    exports dev.netpoll.buffer;
    exports dev.netpoll.memory;

    // The seam for modules of ours that carry bytes in another way.
    exports dev.netpoll.internal.memory to
            dev.netpoll.testkit;
    exports dev.netpoll.internal.poll to
            dev.netpoll.testkit;
    exports dev.netpoll.internal.transport to
            dev.netpoll.testkit;
}
