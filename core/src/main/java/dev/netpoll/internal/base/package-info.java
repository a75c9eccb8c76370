// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** Utilities that every layer may use. Depends on no other package of the library. */
package dev.netpoll.internal.base;
