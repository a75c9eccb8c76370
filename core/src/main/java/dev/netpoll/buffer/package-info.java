// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** Readers and writers over pooled memory; this package knows nothing of sockets. */
package dev.netpoll.buffer;
