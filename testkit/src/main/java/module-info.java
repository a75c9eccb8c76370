// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** Test support for users of the library: a network in memory with faults, waits for conditions, and a leak check. */
@org.jspecify.annotations.NullMarked
module dev.netpoll.testkit {
    requires transitive dev.netpoll;
    requires static org.jspecify; // annotations; not transitive, so that users need only this library's jars

    exports dev.netpoll.testkit;
}
