// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import dev.netpoll.conformance.support.OwnNet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** Each test has an event loop group of its own, with one loop: what its connections do to each other shows there. */
abstract class OwnNetTest extends ConformanceTest {
    OwnNet own;

    @BeforeEach
    void openOwnNet() {
        own = new OwnNet(variant, 1, false);
    }

    /** After what the class of the test does at the end, also if that fails. */
    @AfterEach
    void closeOwnNet() {
        own.close();
    }
}
