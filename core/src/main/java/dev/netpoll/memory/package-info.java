// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Buffer memory: its figures, and the exception at its limit.
 *
 * <h2>The memory budget of a group</h2>
 *
 * <p>The connections of one {@link dev.netpoll.EventLoopGroup} share a budget of buffer memory. It counts bytes
 * received and not released, and bytes written and not sent.
 *
 * <p><b>Above the budget</b>, a connection that holds more than 8 KiB waits. The loop receives nothing more from its
 * peer, and TCP slows the peer down. The server accepts new connections one by one, some in a second. All continue when
 * memory has come back.
 *
 * <p><b>Begun messages</b> continue although the budget is used up, because otherwise two connections could wait for
 * each other. Messages of up to a sixteenth of the budget continue together, as long as they hold no more than a
 * quarter of it. Larger messages continue one after the other, so each may have to wait for those before it: refuse
 * what is far above a sixteenth with {@link dev.netpoll.Framing#maxFrameLength(int)}.
 *
 * <p><b>Slow peers.</b> If others wait, a message may continue for a second, or until nothing has arrived for 150 ms. A
 * peer that was too slow continues when no other connection wants to, and once more in its turn when its bytes have
 * arrived. If connections that continued and wait again together hold more than the budget, the library closes those
 * that hold most; {@link dev.netpoll.memory.BudgetStats#closed()} counts them.
 *
 * <p><b>What the program holds</b>, in slices or while it handles messages, counts. If that is about twice the budget,
 * no message may continue before some of it is back. If it is not back within 5 s, the library closes the connections
 * of whose messages the program keeps most in slices, one in a second, because they might wait for themselves. So a
 * group may hold three times its budget for a while.
 *
 * <p><b>Stalled peers.</b> Peers may stop in the middle of messages that together are less than the budget. They keep
 * what they hold, and new connections waiting, until an {@linkplain dev.netpoll.ConnectionOptions#idleTimeout() idle
 * time-out} ends them.
 *
 * <p><b>Not counted</b> is what each connection may hold in any case: 8 KiB on each side, and the rest of the blocks in
 * which the bytes lie, which is up to 64 KiB for output that waits for a slow peer. A connection that waits may have
 * received 8 KiB more.
 *
 * <p><b>Broken connections.</b> What a peer sent before it reset its connection stays readable, besides the budget, for
 * all such connections together up to an eighth of it. More is dropped when a connection ends. Closing such a
 * connection, or reading it to its end, gives its memory back.
 *
 * <p><b>Output</b> counts from its flush on. The budget never refuses it. A program that writes large answers to slow
 * peers flushes in pieces, and waits for each.
 *
 * <h2>The limit of the process</h2>
 *
 * <p>The limit of all {@linkplain dev.netpoll.buffer.BufferMemory buffer memory} counts everything. At that limit a
 * connection receives nothing while its group exceeds its budget, unless it continues with a begun message. If the one
 * whose turn it is finds no memory for 50 ms, the library closes waiting connections, first those that hold most,
 * until they have given up what it misses, or hold no more than half the budget. If that does not help it for a second,
 * and it holds more than the budget, it is closed. So leave room: a quarter of the limit is a good budget for each
 * group.
 */
package dev.netpoll.memory;
