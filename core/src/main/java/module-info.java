// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Non-blocking networking: connections, servers and dialers over event loops, with pooled zero-copy buffers.
 *
 * <p>Native access makes the fast backends possible: run with {@code --enable-native-access=dev.netpoll}.
 */
@org.jspecify.annotations.NullMarked
module dev.netpoll {
    requires static org.jspecify; // annotations; not transitive, so that users need our jar alone
    requires static jdk.jfr; // events, where the runtime has it

    exports dev.netpoll;
    exports dev.netpoll.buffer;
    exports dev.netpoll.memory;
}
