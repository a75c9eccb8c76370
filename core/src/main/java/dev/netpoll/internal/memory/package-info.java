// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Native memory: blocks with counted references, chains of segments, and the pool they come from. Knows nothing of
 * sockets or connections.
 */
package dev.netpoll.internal.memory;
