// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * The C library, one class per header, called through the foreign function interface. The only package that links
 * native functions.
 *
 * <p>Functions keep their C names and return what the kernel returned, or the error number negated. Nothing here
 * retries, and nothing is linked before the first call of a class.
 */
package dev.netpoll.internal.ffi;
