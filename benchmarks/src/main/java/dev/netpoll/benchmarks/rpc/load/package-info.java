// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * The two sides of the RPC benchmark that ask: {@link dev.netpoll.benchmarks.rpc.load.LoadMain}, a neutral load
 * generator for the test of servers, and {@link dev.netpoll.benchmarks.rpc.load.ClientMain}, the clients under test.
 * Both are long-lived processes that obey commands: {@link dev.netpoll.benchmarks.rpc.load.CommandLoop}.
 */
@NullMarked
package dev.netpoll.benchmarks.rpc.load;

import org.jspecify.annotations.NullMarked;
