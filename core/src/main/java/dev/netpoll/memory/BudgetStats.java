// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.memory;

/**
 * What the connections of a group of event loops hold of its {@linkplain
 * dev.netpoll.EventLoopGroup.Builder#memoryBudget memory budget}. Figures of one moment, each exact when nothing
 * changes meanwhile.
 *
 * @param limitBytes the budget
 * @param usedBytes bytes received and not yet released, and written and not yet sent
 * @param waiters how many connections, and listeners, wait for memory, so that nothing is received or accepted there
 * @param closed how many connections were closed so far because their peers were too slow, and what those held together
 *     of begun messages was more than the budget
 */
public record BudgetStats(long limitBytes, long usedBytes, int waiters, long closed) {}
