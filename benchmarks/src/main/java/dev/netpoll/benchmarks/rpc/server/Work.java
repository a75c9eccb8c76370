// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import java.time.Duration;

/** The work that a request may ask for with a mark at the start of its payload: to block, or to burn CPU time. */
final class Work {
    /** A mark and its argument: one byte, and four for the microseconds. A shorter payload has no mark. */
    static final int MARK_BYTES = 1 + Integer.BYTES;

    private static final byte BLOCK = 'B';
    private static final byte BURN = 'C';

    private static final long CALIBRATION_NANOS = 100_000_000;
    private static final int CALIBRATION_STEPS = 20_000;

    /** A step that takes longer is interpreted: on a busy machine it takes a while until it is compiled. */
    private static final long COMPILED_STEP_NANOS = 5;

    private static final long CALIBRATION_MAX_NANOS = 5_000_000_000L;

    /** Time would go on while another thread has the processor, so CPU time is counted in steps of {@link #spin}. */
    private static final double STEPS_PER_MICRO = calibrate();

    /** Keeps the results of {@link #spin} alive. */
    @SuppressWarnings("unused")
    private static volatile long sink;

    private Work() {}

    /** {@return whether a payload of this length that begins with this byte has a mark} */
    static boolean isMark(int length, byte first) {
        return length >= MARK_BYTES && (first == BLOCK || first == BURN);
    }

    /** Does what the mark says. */
    static void perform(byte mark, int micros) {
        if (micros <= 0) {
            return;
        }
        if (mark == BURN) {
            sink = spin((long) (micros * STEPS_PER_MICRO));
            return;
        }
        try {
            Thread.sleep(Duration.ofNanos(micros * 1000L));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Lets the class be loaded, and so calibrated, before the first request. */
    static void prepare() {}

    /** The fastest of many runs: whatever disturbs one makes it slower. */
    private static double calibrate() {
        long begin = System.nanoTime();
        long fastest = Long.MAX_VALUE;
        long before = begin;
        while (before - begin < CALIBRATION_NANOS
                || (fastest > CALIBRATION_STEPS * COMPILED_STEP_NANOS && before - begin < CALIBRATION_MAX_NANOS)) {
            sink = spin(CALIBRATION_STEPS);
            long now = System.nanoTime();
            fastest = Math.min(fastest, now - before);
            before = now;
        }
        return CALIBRATION_STEPS * 1000.0 / fastest;
    }

    /** Each step waits for the result of the one before, so that a step takes the same time however it is compiled. */
    private static long spin(long steps) {
        long x = steps;
        for (long i = 0; i < steps; i++) {
            x = x * 6364136223846793005L + 1442695040888963407L;
        }
        return x;
    }
}
