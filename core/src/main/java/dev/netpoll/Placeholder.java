// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

/** Keeps the export of this package valid until its first real type arrives; delete it then. */
interface Placeholder {}
