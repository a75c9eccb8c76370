// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** Connections, the servers and dialers that open them, and the errors they report. */
package dev.netpoll;
