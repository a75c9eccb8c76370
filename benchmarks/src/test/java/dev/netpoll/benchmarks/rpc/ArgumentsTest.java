// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ArgumentsTest {
    @Test
    void sizesHaveUnits() {
        Arguments.Size size = new Arguments.Size();
        assertThat(size.convert("64")).isEqualTo(64);
        assertThat(size.convert("2k")).isEqualTo(2048);
        assertThat(size.convert("16M")).isEqualTo(16 << 20);
    }

    @Test
    void sharesArePercentOrNot() {
        Arguments.Share share = new Arguments.Share();
        assertThat(share.convert("1%")).isEqualTo(0.01);
        assertThat(share.convert("0.7")).isEqualTo(0.7);
    }

    @Test
    void quotesKeepSpacesTogether() {
        assertThat(Arguments.words("  sh -c 'exec my server' \"\" a\"b c\"d "))
                .containsExactly("sh", "-c", "exec my server", "", "ab cd");
    }

    @Test
    void procIsReadWithSpacesInNames() {
        assertThat(Sample.cpuSeconds("7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20"))
                .isEqualTo(2.0);
        assertThat(Sample.field("Name:\tx\nVmRSS:\t  1234 kB\n", "VmRSS:")).isEqualTo(1234);
        assertThat(Sample.field(
                        "nonvoluntary_ctxt_switches:\t3\nvoluntary_ctxt_switches:\t5\n", "voluntary_ctxt_switches:"))
                .isEqualTo(5);
    }
}
