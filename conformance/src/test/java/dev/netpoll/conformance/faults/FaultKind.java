// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

/** What is made to fail. */
public enum FaultKind {
    /** An OutOfMemoryError where memory is allocated. */
    HEAP,
    /**
     * A StackOverflowError where a call of user code gets deeper into the library than it was before. What is called
     * from a {@code finally} after something deeper has room again, as in life.
     */
    OVERFLOW,
    /** An Error at the entry of any method, whatever it is there for: more than can happen, for a look by hand. */
    ENTRY,
    /** A system call that fails. */
    SYSTEM
}
