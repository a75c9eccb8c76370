// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.soak;

import dev.netpoll.conformance.soak.Header.Deed;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** What a peer does on one connection, made of a seed. */
record Scenario(long seed, long key, boolean dialed, Medium medium, int window, List<Step> steps, End end) {
    private static final int LONGEST_ANSWER = 2 << 20;
    private static final int LONGEST_SCENARIO = 4 << 20;

    /** Which server, and over what. */
    record Medium(int server, boolean unix) {}

    /** One message, what the server does with it, and for how many milliseconds the peer does not read. */
    record Step(int length, int times, Deed deed, int millis, int stall) {}

    /** How a connection ends. */
    enum End {
        /** The peer closes when it has every answer. */
        ORDERLY,
        /** The peer ends its output, and reads the answers up to the end. */
        HALF_CLOSE,
        /** The peer resets the connection. */
        RESET,
        /** The peer closes without reading on. */
        ABRUPT,
        /** The peer closes without a byte. */
        EMPTY;

        boolean isOrderly() {
            return this == ORDERLY || this == HALF_CLOSE || this == EMPTY;
        }
    }

    /** Without the steps, which the seed tells and whose number goes up to 60. */
    @Override
    public String toString() {
        return "scenario %d: key %x, %s, %s, window %d, %d steps, %s"
                .formatted(seed, key, dialed ? "dialed" : "plain", medium, window, steps.size(), end);
    }

    /** Invents one. */
    static Scenario of(long seed, int servers) {
        SplittableRandom random = new SplittableRandom(seed);
        long key = random.nextLong();
        Medium medium = new Medium(random.nextInt(servers), random.nextBoolean());
        boolean dialed = random.nextInt(3) == 0;
        int dice = random.nextInt(100);
        End end = dice < 40
                ? End.ORDERLY
                : dice < 75 ? End.HALF_CLOSE : dice < 87 ? End.RESET : dice < 96 ? End.ABRUPT : End.EMPTY;
        int window = random.nextInt(3) == 0 ? 1 : 1 + random.nextInt(64);
        int scale = 4 + random.nextInt(17);
        List<Step> steps = new ArrayList<>();
        int count = end == End.EMPTY ? 0 : 1 + random.nextInt(60);
        for (long bytes = 0; steps.size() < count && bytes < LONGEST_SCENARIO; ) {
            Step step = step(random, scale);
            steps.add(step);
            bytes += (long) step.length * (1 + step.times);
        }
        return new Scenario(seed, key, dialed, medium, window, List.copyOf(steps), end);
    }

    /**
     * Messages at the same instant as hundreds of other connections, when the loops hold few buffers to receive into.
     * Some servers pause, and some peers on the same loops do not read for a while, so that much of it lies unread.
     */
    static Scenario ofStorm(long seed, int servers) {
        SplittableRandom random = new SplittableRandom(seed);
        Medium medium = new Medium(random.nextInt(servers), random.nextInt(4) == 0);
        boolean stalls = random.nextInt(3) == 0;
        Step step = new Step(
                1 + random.nextInt(50_000),
                1 + random.nextInt(4),
                random.nextInt(4) == 0 ? Deed.PAUSE : Deed.NOTHING,
                2 + random.nextInt(18),
                stalls ? random.nextInt(40) : 0);
        End end = random.nextBoolean() ? End.ORDERLY : End.HALF_CLOSE;
        return new Scenario(seed, random.nextLong(), random.nextInt(3) == 0, medium, 2, List.of(step, step), end);
    }

    private static Step step(SplittableRandom random, int scale) {
        int length = 1 + random.nextInt(1 << random.nextInt(scale + 1));
        boolean burst = random.nextInt(10) == 0;
        int times = burst ? Math.clamp(LONGEST_ANSWER / length, 1, 32) : 1;
        int dice = random.nextInt(100);
        Deed deed = dice < 3 ? Deed.BLOCK : dice < 8 ? Deed.PAUSE : dice < 10 ? Deed.DETACH : Deed.NOTHING;
        int stall = burst || random.nextInt(40) == 0 ? random.nextInt(20) : 0;
        return new Step(length, times, deed, 2 + random.nextInt(18), stall);
    }
}
