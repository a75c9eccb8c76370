// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** Echo servers for frames: ours and its peers, each as those who know it well would write it, and a floor in C. */
@NullMarked
package dev.netpoll.benchmarks.rpc.server;

import org.jspecify.annotations.NullMarked;
