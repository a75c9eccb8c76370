// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** Error injection: one fault after the other strikes the library, and each may cost one connection, nothing else. */
package dev.netpoll.conformance.faults;
