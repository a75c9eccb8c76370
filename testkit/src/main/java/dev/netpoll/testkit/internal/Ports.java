// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit.internal;

import java.util.HashMap;
import java.util.Map;

/** The ports of a network: those in use, and free ones to hand out in turn. Guarded by the network's lock. */
final class Ports {
    private static final int FIRST = 40_000;
    private static final int LAST = 65_535;

    /** The number of sockets that use each port. */
    private final Map<Integer, Integer> users = new HashMap<>();

    private int next = FIRST;

    /** {@return the least recently handed out port that no socket uses; 0 if there is none} */
    int fresh() {
        for (int i = FIRST; i <= LAST; i++) {
            int candidate = next;
            next = candidate == LAST ? FIRST : candidate + 1;
            if (!users.containsKey(candidate)) {
                return candidate;
            }
        }
        return 0;
    }

    void use(int port) {
        users.merge(port, 1, Integer::sum);
    }

    void release(int port) {
        users.computeIfPresent(port, (_, count) -> count == 1 ? null : count - 1);
    }
}
