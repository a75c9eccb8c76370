// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** Stands for a user's tests: they have our jars and nothing else. */
module consumer {
    requires dev.netpoll.testkit;
}
