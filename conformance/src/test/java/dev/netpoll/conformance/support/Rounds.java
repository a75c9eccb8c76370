// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

/** How often tests of races repeat what they do. */
public final class Rounds {
    private static final int FACTOR = Integer.getInteger("netpoll.test.rounds", 1);

    private Rounds() {}

    /** {@return whether time does not matter much} */
    public static boolean areMany() {
        return FACTOR > 1;
    }

    /** {@return the usual number of rounds, or {@code -Dnetpoll.test.rounds=} times as many} */
    public static int of(int usual) {
        return usual * FACTOR;
    }
}
