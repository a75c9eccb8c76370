// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Sockets of every platform through {@code java.nio.channels}; needs no native access. The JDK hides some things.
 * Compared with a backend that uses system calls:
 * <ul>
 *   <li>a hang-up while reading is paused is noticed only when reading resumes, or when sending fails;
 *   <li>error numbers are derived from exception classes and messages;
 *   <li>the next poll releases a closed socket;
 *   <li>there are no abstract Unix socket names: an address that begins with {@code @} fails with EAFNOSUPPORT.
 * </ul>
 */
package dev.netpoll.internal.poll.nio;
