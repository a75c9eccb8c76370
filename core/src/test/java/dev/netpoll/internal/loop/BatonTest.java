// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BatonTest {
    private final Baton baton = new Baton();

    @Test
    void itIsOfferedToTheFirstDriverOnly() {
        assertThat(baton.take(1)).as("the second driver takes it").isFalse();
        assertThat(baton.take(0)).isTrue();
        assertThat(baton.isHeld(0)).isTrue();
        assertThat(baton.take(0)).as("twice").isFalse();
    }

    @Test
    void whoLentItReclaimsItOnce() {
        baton.take(0);
        baton.lend(0);
        assertThat(baton.isHeld(0)).isFalse();
        assertThat(baton.reclaim(0)).isTrue();
        assertThat(baton.isHeld(0)).isTrue();
        assertThat(baton.reclaim(0)).as("what is not lent").isFalse();
    }

    /** B1 */
    @Test
    void aDriverThatWasRelievedNeverHoldsItAgain() {
        baton.take(0);
        baton.lend(0);
        assertThat(baton.pass(baton.word())).isTrue();
        assertThat(baton.reclaim(0)).isFalse();
        assertThat(baton.take(0)).isFalse();
        assertThat(baton.take(1)).isTrue();
        baton.lend(1);
        assertThat(baton.reclaim(0)).isFalse();
        assertThat(baton.reclaim(1)).isTrue();
        baton.offer(1);
        assertThat(baton.take(0)).isFalse();
    }

    @Test
    void itIsPassedOnOnlyAsItWasSeen() {
        baton.take(0);
        baton.lend(0);
        long seen = baton.word();
        baton.reclaim(0);
        assertThat(baton.pass(seen)).as("what its driver has reclaimed").isFalse();
        baton.offer(0);
        seen = baton.word();
        assertThat(baton.pass(seen)).as("what nobody takes").isTrue();
        assertThat(baton.pass(seen)).as("twice").isFalse();
        assertThat(Baton.epoch(baton.word())).isEqualTo(1);
        assertThat(Baton.state(baton.word())).isEqualTo(Baton.OFFERED);
    }

    @Test
    void anIdleDriverIsAwakenedOnce() {
        baton.take(0);
        assertThat(baton.awaken()).as("one that is not idle").isFalse();
        baton.idle(0);
        assertThat(baton.isIdle(0)).isTrue();
        assertThat(baton.awaken()).isTrue();
        assertThat(baton.awaken()).as("twice").isFalse();
        assertThat(baton.isIdle(0)).isFalse();
        assertThat(baton.take(0)).isTrue();
    }
}
