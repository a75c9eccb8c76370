// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

/**
 * What {@linkplain Dispatch#adaptive() adaptive dispatch} has done for a server. Counts only grow. A snapshot: the
 * parts are read one after the other.
 *
 * @param inline whether request handlers have proved short, and so run on the event loops now. A connection with long
 *     runs is set apart meanwhile, and runs on threads
 * @param loopRuns runs of request handlers on event loops; sampled, so exact to within some dozens. Without
 *     {@code inline}, too: while others keep all processors, the thread of a loop works for itself
 * @param threadRuns runs of request handlers on threads
 * @param reliefs how many runs on an event loop the library relieved, because they waited or took too long
 * @param switches how often {@code inline} changed
 * @since 0.1
 */
public record DispatchStats(boolean inline, long loopRuns, long threadRuns, long reliefs, long switches) {}
