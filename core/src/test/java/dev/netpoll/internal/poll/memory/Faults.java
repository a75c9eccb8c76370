// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.memory;

/**
 * How a {@link MemoryNetwork} misbehaves, within what a kernel may do. Probabilities between 0 and 1.
 *
 * @param pipeCapacity how many bytes may be under way in one direction of a connection
 * @param shortRead that a receive brings only some of what is there
 * @param shortWrite that a send takes only some of what fits
 * @param wouldBlock that a send takes nothing although there is room
 * @param delay that an event is told in a later poll
 * @param gather that a send is better left to the loop
 */
public record Faults(
        int pipeCapacity, double shortRead, double shortWrite, double wouldBlock, double delay, double gather) {
    /** A fast network without surprises. */
    public static final Faults NONE = new Faults(256 * 1024, 0, 0, 0, 0, 0);

    /** Everything now and then, through narrow pipes. */
    public static final Faults SOME = new Faults(1000, 0.5, 0.5, 0.2, 0.3, 0.5);

    /** Fast, and every short send is better left to the loop. */
    public static final Faults GATHER = new Faults(256 * 1024, 0, 0, 0, 0, 1);
}
