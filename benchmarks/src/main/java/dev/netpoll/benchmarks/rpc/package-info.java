// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * The command {@code bench}: starts servers, clients and load in processes of their own, and compares them in
 * rounds.
 */
@NullMarked
package dev.netpoll.benchmarks.rpc;

import org.jspecify.annotations.NullMarked;
