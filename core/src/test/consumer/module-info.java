// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** Stands for a user's module: it has our jar and nothing else. */
module consumer {
    requires dev.netpoll;
}
