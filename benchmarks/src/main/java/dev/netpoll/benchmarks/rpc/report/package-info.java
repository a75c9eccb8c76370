// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** What a run of {@code bench} found: the model and its JSON, the comparison, the tables and the page. */
@NullMarked
package dev.netpoll.benchmarks.rpc.report;

import org.jspecify.annotations.NullMarked;
