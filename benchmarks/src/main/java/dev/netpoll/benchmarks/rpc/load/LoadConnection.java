// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

/**
 * A connection of the load generator. When it breaks, another socket takes its place in the same object.
 *
 * <p>Its requests are numbered. {@code answered <= sent <= appended}: what is between the first two is on its way, what
 * is between the last two waits for room in the socket.
 */
final class LoadConnection {
    static final int CLOSED = 0;
    static final int CONNECTING = 1;
    static final int OPEN = 2;

    final int index;

    /** Carries one request to see that the server has accepted it, and no other. */
    final boolean idle;

    int state;
    int fd = -1;

    /** Counts sockets, so that an event of an earlier one is known. */
    int generation;

    /** Whether it ever got an answer. */
    boolean ready;

    /** Whether the socket had no room. */
    boolean blocked;

    long connectStarted;
    long appended;
    long sent;
    long answered;

    /** How many bytes of request {@code sent} are sent already. */
    long sentOffset;

    /** How many bytes of answer {@code answered} have arrived. */
    long answerOffset;

    /** Open loop: how often it stands in the queue of free connections. */
    int tokens;

    private final int mask;
    private final long[] starts;
    private final long[] sendTimes;

    LoadConnection(int index, boolean idle, LoadPlan plan) {
        this.index = index;
        this.idle = idle;
        int slots = idle ? 1 : Integer.highestOneBit(Math.max(plan.pipeline() * 2 - 1, 1));
        mask = slots - 1;
        starts = new long[slots];
        sendTimes = plan.rate() > 0 ? new long[slots] : starts;
    }

    long inFlight() {
        return appended - answered;
    }

    /** Appends a request: when it was meant to be sent, and when it is. */
    void append(long start, long now) {
        int slot = (int) appended++ & mask;
        starts[slot] = start;
        sendTimes[slot] = now;
    }

    long startOf(long sequence) {
        return starts[(int) sequence & mask];
    }

    long sendTimeOf(long sequence) {
        return sendTimes[(int) sequence & mask];
    }

    long number(long sequence) {
        return Wire.number(index, sequence);
    }

    /** Forgets what is on its way, for a new socket. */
    void reset() {
        answered = appended;
        sent = appended;
        sentOffset = 0;
        answerOffset = 0;
        blocked = false;
        generation++;
    }
}
