// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * What buffers cost, next to those of Netty and okio and to plain arrays: for each scenario of docs/BENCHMARKS.md a JMH
 * benchmark, and an interface with what each peer does in that scenario.
 */
@NullMarked
package dev.netpoll.benchmarks.buffer;

import org.jspecify.annotations.NullMarked;
