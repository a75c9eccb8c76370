// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

/** Rings that are not what users get, but have to work as well. */
public final class Rings {
    private static final RingSize TINY = new RingSize(2, 4, 2, 2);

    private Rings() {}

    /** {@return a backend whose every queue and buffer ring is too small all the time} */
    public static UringMechanism tiny() {
        return new UringMechanism(UringAvailability.features(), TINY);
    }

    /** {@return a backend that uses nothing that Linux 6.1 has not} */
    public static UringMechanism old() {
        return new UringMechanism(new Features(SelfTest.NEEDED, false, false, false), RingSize.USUAL);
    }
}
