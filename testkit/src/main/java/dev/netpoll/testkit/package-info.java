// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Tests of code that uses the library, without sockets: {@link dev.netpoll.testkit.TestNetwork} is a network in memory
 * that can be made to fail, {@link dev.netpoll.testkit.Await} waits for conditions, {@link
 * dev.netpoll.testkit.LeakCheck} finds what a test left behind. No test framework is needed.
 */
package dev.netpoll.testkit;
