// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** How long it takes from the start of a JVM until a server in it has answered: ours, Netty's, the JDK's. */
@NullMarked
package dev.netpoll.benchmarks.startup;

import org.jspecify.annotations.NullMarked;
