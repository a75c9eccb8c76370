// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** What every layer may use. Knows nothing of the rest of the library. */
package dev.netpoll.internal.base;
