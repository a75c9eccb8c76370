// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import java.util.function.DoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NetworkFaultsTest {
    private static final NetworkFaults NONE = NetworkFaults.none();

    @Test
    void eachSettingChangesAlone() {
        NetworkFaults all = NONE.withPipeCapacityBytes(1)
                .withShortRead(0.1)
                .withShortWrite(0.2)
                .withWouldBlock(0.3)
                .withDelay(0.4)
                .withGather(0.5);
        assertThat(all.pipeCapacityBytes()).isEqualTo(1);
        assertThat(all.shortRead()).isEqualTo(0.1);
        assertThat(all.shortWrite()).isEqualTo(0.2);
        assertThat(all.wouldBlock()).isEqualTo(0.3);
        assertThat(all.delay()).isEqualTo(0.4);
        assertThat(all.gather()).isEqualTo(0.5);
        assertThat(all)
                .hasToString("NetworkFaults[pipeCapacityBytes=1, shortRead=0.1, shortWrite=0.2, wouldBlock=0.3, "
                        + "delay=0.4, gather=0.5]");
        assertThat(NONE.pipeCapacityBytes()).isGreaterThan(1);
    }

    @Test
    void equalSettingsAreEqual() {
        assertThat(NONE.withDelay(0.5))
                .isEqualTo(NetworkFaults.none().withDelay(0.5))
                .hasSameHashCodeAs(NetworkFaults.none().withDelay(0.5))
                .isNotEqualTo(NONE);
    }

    @ParameterizedTest
    @ValueSource(doubles = {-0.1, 1.1, Double.NaN, Double.POSITIVE_INFINITY})
    void ratesAreProbabilities(double rate) {
        List<DoubleFunction<NetworkFaults>> setters = List.of(
                NONE::withShortRead, NONE::withShortWrite, NONE::withWouldBlock, NONE::withDelay, NONE::withGather);
        for (DoubleFunction<NetworkFaults> setter : setters) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> setter.apply(rate))
                    .withMessageEndingWith(": " + rate);
        }
    }

    /** Else nothing would ever be sent or delivered, at full speed. */
    @Test
    void nothingIsPutOffForEver() {
        assertThatIllegalArgumentException().isThrownBy(() -> NONE.withWouldBlock(1));
        assertThatIllegalArgumentException().isThrownBy(() -> NONE.withDelay(1));
        assertThat(NONE.withShortRead(1).withShortWrite(1).withGather(1).gather())
                .isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, (1 << 30) + 1})
    void capacitiesHaveBounds(int bytes) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NONE.withPipeCapacityBytes(bytes))
                .withMessageEndingWith(": " + bytes);
    }
}
