// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

/**
 * How often a {@link TestNetwork} misbehaves, as an operating system may with any connection. No fault breaks a
 * connection or loses a byte: correct code works with all settings.
 *
 * <p>Rates are probabilities between 0 and 1. An object is immutable; each {@code with} method returns a copy.
 *
 * <pre>{@code
 *   NetworkFaults.none().withShortRead(0.5).withPipeCapacityBytes(100)
 * }</pre>
 *
 * <p><b>Threads.</b> Immutable; any thread.
 *
 * @since 0.1
 */
public final class NetworkFaults {
    private static final int CAPACITY_MAX = 1 << 30;

    private static final NetworkFaults NONE = new NetworkFaults(new Rates(256 * 1024, 0, 0, 0, 0, 0));
    private static final NetworkFaults SOME = new NetworkFaults(new Rates(1000, 0.5, 0.5, 0.2, 0.3, 0.5));

    private record Rates(
            int pipeCapacityBytes,
            double shortRead,
            double shortWrite,
            double wouldBlock,
            double delay,
            double gather) {}

    private final Rates rates;

    private NetworkFaults(Rates rates) {
        this.rates = rates;
    }

    /** {@return a fast network without surprises: 256 KiB under way in each direction, and each rate 0} */
    public static NetworkFaults none() {
        return NONE;
    }

    /** {@return every fault at a moderate rate, and narrow pipes: messages arrive in pieces and late} */
    public static NetworkFaults some() {
        return SOME;
    }

    /** {@return how many bytes may be under way in one direction of a connection, before its sender has to wait} */
    public int pipeCapacityBytes() {
        return rates.pipeCapacityBytes;
    }

    /** {@return the rate at which a connection receives only a part of what has arrived} */
    public double shortRead() {
        return rates.shortRead;
    }

    /** {@return the rate at which the network takes only a part of what it has room for} */
    public double shortWrite() {
        return rates.shortWrite;
    }

    /** {@return the rate at which the network takes nothing although it has room} */
    public double wouldBlock() {
        return rates.wouldBlock;
    }

    /** {@return the rate at which an event loop learns of an event one turn later} */
    public double delay() {
        return rates.delay;
    }

    /** {@return the rate at which a handler on an event loop leaves short output to the loop, as with io_uring} */
    public double gather() {
        return rates.gather;
    }

    /**
     * {@return a copy with another capacity of each direction of a connection}
     *
     * @throws IllegalArgumentException if it is not between 1 and 2^30
     */
    public NetworkFaults withPipeCapacityBytes(int bytes) {
        if (bytes < 1 || bytes > CAPACITY_MAX) {
            throw new IllegalArgumentException(
                    "pipeCapacityBytes must be between 1 and " + CAPACITY_MAX + ": " + bytes);
        }
        return new NetworkFaults(
                new Rates(bytes, rates.shortRead, rates.shortWrite, rates.wouldBlock, rates.delay, rates.gather));
    }

    /**
     * {@return a copy with another rate of short receives}
     *
     * @throws IllegalArgumentException if it is not between 0 and 1
     */
    public NetworkFaults withShortRead(double rate) {
        return new NetworkFaults(new Rates(
                rates.pipeCapacityBytes,
                check("shortRead", rate),
                rates.shortWrite,
                rates.wouldBlock,
                rates.delay,
                rates.gather));
    }

    /**
     * {@return a copy with another rate of short sends}
     *
     * @throws IllegalArgumentException if it is not between 0 and 1
     */
    public NetworkFaults withShortWrite(double rate) {
        return new NetworkFaults(new Rates(
                rates.pipeCapacityBytes,
                rates.shortRead,
                check("shortWrite", rate),
                rates.wouldBlock,
                rates.delay,
                rates.gather));
    }

    /**
     * {@return a copy with another rate of sends that the network refuses for the moment}
     *
     * @throws IllegalArgumentException if it is not at least 0 and less than 1: with 1, nothing would ever be sent
     */
    public NetworkFaults withWouldBlock(double rate) {
        return new NetworkFaults(new Rates(
                rates.pipeCapacityBytes,
                rates.shortRead,
                rates.shortWrite,
                checkBelowOne("wouldBlock", rate),
                rates.delay,
                rates.gather));
    }

    /**
     * {@return a copy with another rate of late events}
     *
     * @throws IllegalArgumentException if it is not at least 0 and less than 1: with 1, nothing would ever happen
     */
    public NetworkFaults withDelay(double rate) {
        return new NetworkFaults(new Rates(
                rates.pipeCapacityBytes,
                rates.shortRead,
                rates.shortWrite,
                rates.wouldBlock,
                checkBelowOne("delay", rate),
                rates.gather));
    }

    /**
     * {@return a copy with another rate of output that is left to the event loop}
     *
     * @throws IllegalArgumentException if it is not between 0 and 1
     */
    public NetworkFaults withGather(double rate) {
        return new NetworkFaults(new Rates(
                rates.pipeCapacityBytes,
                rates.shortRead,
                rates.shortWrite,
                rates.wouldBlock,
                rates.delay,
                check("gather", rate)));
    }

    private static double check(String name, double rate) {
        if (!(rate >= 0 && rate <= 1)) { // rejects NaN, too
            throw new IllegalArgumentException(name + " must be between 0 and 1: " + rate);
        }
        return rate;
    }

    private static double checkBelowOne(String name, double rate) {
        if (!(rate >= 0 && rate < 1)) {
            throw new IllegalArgumentException(name + " must be at least 0 and less than 1: " + rate);
        }
        return rate;
    }

    /** {@return whether the other object is NetworkFaults with the same settings} */
    @Override
    public boolean equals(Object other) {
        return other instanceof NetworkFaults faults && rates.equals(faults.rates);
    }

    /** {@return a hash code that fits {@link #equals}} */
    @Override
    public int hashCode() {
        return rates.hashCode();
    }

    /** {@return all settings, to be printed with the seed of a test that failed} */
    @Override
    public String toString() {
        return "NetworkFaults" + rates.toString().substring("Rates".length());
    }
}
