// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Test support for users of the library, without sockets: {@link dev.netpoll.testkit.TestNetwork} is a network in
 * memory that a test can make fail, {@link dev.netpoll.testkit.Await} waits for conditions, {@link
 * dev.netpoll.testkit.LeakCheck} finds what a test left behind. They need no test framework.
 */
package dev.netpoll.testkit;
