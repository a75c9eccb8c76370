// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Sockets of every platform through {@code java.nio.channels}: needs no native access. The JDK hides some things, so
 * compared with a backend that speaks to the kernel:
 * <ul>
 *   <li>a hang-up while reading is paused is noticed when reading is resumed, or when sending fails;
 *   <li>error numbers are derived from exception classes and messages;
 *   <li>a closed socket is released by the next poll;
 *   <li>there are no abstract Unix socket names: an address beginning with {@code @} is refused with EAFNOSUPPORT.
 * </ul>
 */
package dev.netpoll.internal.poll.nio;
