// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.memory;

/**
 * How much of its {@linkplain dev.netpoll.EventLoopGroup.Builder#memoryBudget memory budget} an event loop group's
 * connections hold. Figures of one moment, each exact when nothing changes meanwhile.
 *
 * @param limitBytes the budget
 * @param usedBytes bytes received and not yet released, and flushed and not yet sent
 * @param waiters how many connections and listeners wait for memory and meanwhile receive or accept nothing
 * @param closed how many connections the library has closed because their peers were too slow and together held more
 *     than the budget in begun messages
 * @since 0.1
 */
public record BudgetStats(long limitBytes, long usedBytes, int waiters, long closed) {}
