// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

/** What happens at the places that the library passes. */
public interface Arming {
    /** Nothing. */
    Arming NONE = (kind, site, errnos) -> 0;

    /**
     * A place is passed.
     *
     * @param errnos how it may fail; a single 0 if there are no numbers
     * @return 0, or nonzero to fail: the error number if there is one
     */
    int visit(FaultKind kind, int site, int[] errnos);
}
