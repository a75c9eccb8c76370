// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * The network behind {@link dev.netpoll.testkit.TestNetwork}, and what {@link dev.netpoll.testkit.LeakCheck} counts.
 * One seed determines everything that is random in a kernel: how much a call reads or writes, whether it would block,
 * when events are reported, in which order. With all pollers driven by one thread, equal seeds give equal runs.
 *
 * <pre>
 *   MemoryNetwork network = new MemoryNetwork(seed, NetworkFaults.some());
 *   Poller poller = network.openPoller();           // any number of them
 *   ...bind, open, register as with any backend; then drive:
 *   while (!done) poller.poll(0);
 *   network.reset(transport);                       // cuts a connection
 * </pre>
 */
package dev.netpoll.testkit.internal;
