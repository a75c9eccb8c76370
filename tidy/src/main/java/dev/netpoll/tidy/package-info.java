// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** Checks on the source text of all modules that no compiler makes, and the formatter. STYLE.md has the reasons. */
@org.jspecify.annotations.NullMarked
package dev.netpoll.tidy;
