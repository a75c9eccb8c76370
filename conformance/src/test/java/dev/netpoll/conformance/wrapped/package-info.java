// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * A backend around another one, made of what the seam offers and of nothing else. It passes on what is sent in odd
 * pieces and with pauses, and delivers what is received in odd pieces. So it holds bytes of both directions for a
 * while, as one that encrypts them does. {@code -Dnetpoll.test.wrapped=epoll} runs the conformance suite on it.
 */
@NullMarked
package dev.netpoll.conformance.wrapped;

import org.jspecify.annotations.NullMarked;
