// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

/**
 * The optional features of this kernel's io_uring.
 *
 * @param setup the {@code IORING_SETUP_...} flags of every ring
 * @param incremental whether a buffer is filled piece by piece (IOU_PBUF_RING_INC, Linux 6.12)
 * @param messages whether any thread can post a completion (IORING_REGISTER_SEND_MSG_RING, 6.13); else an eventfd wakes
 *     the loop
 * @param patient whether a wait for many completions may end with few (IORING_FEAT_MIN_TIMEOUT, 6.12)
 */
record Features(int setup, boolean incremental, boolean messages, boolean patient) {}
