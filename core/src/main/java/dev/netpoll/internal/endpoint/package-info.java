// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Creates connections and ends them: the implementation behind {@link dev.netpoll.Server}, {@link dev.netpoll.Dialer}
 * and {@link dev.netpoll.EventLoopGroup}.
 */
package dev.netpoll.internal.endpoint;
