// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** A soak: many connections that do all they may at random, and whose every byte is accounted for. */
package dev.netpoll.conformance.soak;
