// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Readers and writers over pooled native memory; this package knows nothing of sockets.
 *
 * <p>{@link dev.netpoll.buffer.Reader} and {@link dev.netpoll.buffer.Writer} are the two interfaces. Their
 * implementations differ in where bytes come from and go to:
 * <ul>
 *   <li>a {@code Connection} waits for its peer, and its flush sends;
 *   <li>a {@link dev.netpoll.buffer.LinkBuffer} is a queue in memory: its flush makes bytes readable, and nothing
 *       waits;
 *   <li>{@link dev.netpoll.buffer.StreamReader} and {@link dev.netpoll.buffer.StreamWriter} wrap any stream or channel.
 * </ul>
 * <p>In the other direction, {@code asInputStream}, {@code asOutputStream} and {@code asChannel} make a reader or
 * writer look like the JDK's.
 *
 * <h2>Ownership of memory, in ten lines</h2>
 * <ol>
 *   <li>Memory comes from a pool and returns to it when you close or release. The garbage collector recovers what you
 *       forget ({@code MemoryStats.foundBlocks}), but late.
 *   <li>Reads that copy ({@code readBytes}, {@code readUtf8}, numbers) give you private bytes, for ever.
 *   <li>{@code next} and {@code peek} lend you a view: it ends with {@code release}, which the end of a request handler
 *       implies. Where there is no handler, call {@code release} between messages.
 *   <li>Releasing earlier is always allowed, and wise in a long-running handler. Unread bytes stay readable.
 *   <li>{@code slice} gives you a separate buffer over the same memory, without copying, for any thread. Close it.
 *   <li>{@code close} and {@code release} never free what a slice still shows.
 *   <li>Closing a {@code LinkBuffer}, {@code StreamReader} or {@code StreamWriter} frees everything in it; a connection
 *       does so itself.
 *   <li>Writes copy, so you may reuse their arguments at once. {@code reserve} lends you memory until the flush.
 *   <li>{@code writeDirect} of native memory borrows it from you until the flush has returned normally, or with a
 *       {@code LinkBuffer} until its bytes are gone.
 *   <li>{@code append} moves the bytes out of the other buffer, which is then empty and can be used again.
 * </ol>
 *
 * <p>When no memory is left (the limit is {@code -Ddev.netpoll.memory.max}), an operation throws {@link
 * dev.netpoll.memory.MemoryLimitException} and has had no effect. {@link dev.netpoll.buffer.BufferMemory} shows what is
 * in use, and how to find misuse in your tests.
 */
package dev.netpoll.buffer;
