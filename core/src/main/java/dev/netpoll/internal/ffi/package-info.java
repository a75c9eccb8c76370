// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Calls of the C library through the foreign function interface, one class per header. The only package that links
 * native functions.
 *
 * <p>Functions keep their C names and return the kernel's result, or the error number negated. Nothing here retries,
 * and a class links its functions only at its first call.
 */
package dev.netpoll.internal.ffi;
