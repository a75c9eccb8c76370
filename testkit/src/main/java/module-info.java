// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Tests of code that uses the library: a network in memory with faults, waiting for conditions, and a check for leaks.
 */
@org.jspecify.annotations.NullMarked
module dev.netpoll.testkit {
    requires transitive dev.netpoll;
    requires static org.jspecify; // annotations; not transitive, so that users need our jars alone

    exports dev.netpoll.testkit;
}
