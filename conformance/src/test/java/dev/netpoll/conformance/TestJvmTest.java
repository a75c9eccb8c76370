// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The JVM options of the build reach the tests; without them other tests would pass and prove little. */
class TestJvmTest {
    @Test
    void assertionsAreOn() {
        assertThat(TestJvmTest.class.desiredAssertionStatus()).isTrue();
    }

    @Test
    void nativeAccessIsGranted() {
        assertThat(TestJvmTest.class.getModule().isNativeAccessEnabled()).isTrue();
    }

    @Test
    void theJdkIsNewEnough() {
        assertThat(Runtime.version().feature()).isGreaterThanOrEqualTo(25);
    }
}
