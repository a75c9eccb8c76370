// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

/** Which requests ask the server to work: a function of seed and number, so that nobody has to remember it. */
final class Marks {
    static final int PLAIN = 0;
    static final int BLOCK = 1;
    static final int BURN = 2;

    private static final double HASH_VALUES = 0x1p53;

    private final long seed;
    private final long blockBelow;
    private final long burnBelow;
    private final int blockMicros;
    private final int burnMicros;

    Marks(LoadPlan plan) {
        seed = plan.seed() * 0x9E3779B97F4A7C15L;
        blockBelow = (long) (plan.blockShare() * HASH_VALUES);
        burnBelow = (long) ((plan.blockShare() + plan.burnShare()) * HASH_VALUES);
        blockMicros = plan.blockMicros();
        burnMicros = plan.burnMicros();
    }

    boolean any() {
        return burnBelow > 0;
    }

    /** {@return what the request with this number asks for} */
    int kind(long number) {
        if (burnBelow == 0) {
            return PLAIN;
        }
        long hash = mix(seed + number) >>> 11;
        if (hash >= burnBelow) {
            return PLAIN;
        }
        return hash < blockBelow ? BLOCK : BURN;
    }

    byte letter(int kind) {
        return switch (kind) {
            case BLOCK -> Wire.BLOCK;
            case BURN -> Wire.BURN;
            default -> Wire.PLAIN;
        };
    }

    int micros(int kind) {
        return switch (kind) {
            case BLOCK -> blockMicros;
            case BURN -> burnMicros;
            default -> 0;
        };
    }

    /** The finalizer of SplitMix64. */
    private static long mix(long value) {
        long z = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
