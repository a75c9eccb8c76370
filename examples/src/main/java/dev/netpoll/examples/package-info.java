// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** The commands of the netpoll launcher; {@link dev.netpoll.examples.Main} is the entry. */
@org.jspecify.annotations.NullMarked
package dev.netpoll.examples;
