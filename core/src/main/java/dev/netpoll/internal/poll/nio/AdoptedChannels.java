// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.nio;

import java.nio.channels.SocketChannel;
import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;

/**
 * The channels that programs handed to this library, and have not got back: a second connection of one would take bytes
 * from the first. Any thread.
 */
final class AdoptedChannels {
    private static final Map<SocketChannel, Boolean> OWNED = Collections.synchronizedMap(new WeakHashMap<>());

    private AdoptedChannels() {}

    /** {@return whether the channel was not owned, and is now} */
    static boolean add(SocketChannel channel) {
        return OWNED.putIfAbsent(channel, true) == null;
    }

    /** The channel goes back to its program. */
    static void remove(SocketChannel channel) {
        OWNED.remove(channel);
    }
}
