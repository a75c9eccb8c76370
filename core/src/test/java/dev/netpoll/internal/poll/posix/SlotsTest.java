// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

class SlotsTest {
    private static final class Thing extends Pollable {
        Thing() {
            super(-1);
        }
    }

    @RepeatedTest(20)
    void tokensFindTheirOwnersAndNobodyAfterThem() {
        long seed = Long.getLong("seed", System.nanoTime());
        Random random = new Random(seed);
        Slots slots = new Slots();
        Map<Long, Thing> live = new HashMap<>();
        Set<Long> dead = new HashSet<>();
        Set<Integer> retired = new HashSet<>();
        for (int i = 0; i < 5000; i++) {
            int what = random.nextInt(100);
            if (what < 50 || live.isEmpty()) {
                Thing thing = new Thing();
                long token = slots.add(thing);
                assertThat(token).as("seed " + seed).isBetween(0L, (1L << 60) - 1);
                assertThat(retired).as("seed " + seed).doesNotContain(thing.slot);
                assertThat(live.put(token, thing)).as("seed " + seed).isNull();
                assertThat(dead).doesNotContain(token);
            } else if (what < 97) {
                List<Long> tokens = new ArrayList<>(live.keySet());
                long token = tokens.get(random.nextInt(tokens.size()));
                Thing thing = live.remove(token);
                retired.add(thing.slot);
                slots.remove(thing);
                dead.add(token);
            } else {
                slots.recycle();
                retired.clear();
            }
            assertThat(slots.size()).as("seed " + seed).isEqualTo(live.size());
        }
        live.forEach((token, thing) ->
                assertThat(slots.find(token)).as("seed " + seed).isSameAs(thing));
        dead.forEach(token -> assertThat(slots.find(token)).as("seed " + seed).isNull());
    }

    @Test
    void theFourHighestBitsAreThePollersOwn() {
        Slots slots = new Slots();
        slots.remove(addedTo(slots));
        slots.recycle();
        Thing thing = new Thing();
        long token = slots.add(thing);
        assertThat(token).as("slot 0, second generation").isEqualTo(1L << 32);
        for (long kind = 0; kind < 16; kind++) {
            assertThat(slots.find(kind << 60 | token)).isSameAs(thing);
            assertThat(slots.find(kind << 60 | token - (1L << 32))).isNull();
        }
    }

    private static Thing addedTo(Slots slots) {
        Thing thing = new Thing();
        slots.add(thing);
        return thing;
    }
}
