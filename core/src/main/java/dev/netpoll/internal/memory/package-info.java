// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Native memory: reference-counted blocks, chains of segments, and the pool of blocks. Knows nothing of sockets or
 * connections.
 */
package dev.netpoll.internal.memory;
