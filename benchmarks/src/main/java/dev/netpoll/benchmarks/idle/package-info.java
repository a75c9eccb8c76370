// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** What an idle connection costs: a server in a process of its own, looked at while thousands are connected to it. */
@NullMarked
package dev.netpoll.benchmarks.idle;

import org.jspecify.annotations.NullMarked;
