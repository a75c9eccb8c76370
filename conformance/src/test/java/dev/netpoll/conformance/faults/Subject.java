// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

/** The library under faults, with one backend and one dispatch: a class of the other side of the loader. */
public interface Subject extends AutoCloseable {
    /**
     * Does the action while {@code arming} is in force, then looks whether all is as it should be.
     *
     * @return what is wrong, empty if nothing is
     */
    java.util.List<String> run(Action action, Arming arming) throws Exception;

    @Override
    void close();

    /** Makes subjects; each loader has its one. */
    interface Maker {
        /**
         * {@return a subject}
         *
         * @throws UnsupportedOperationException if this machine has no such backend
         */
        Subject make(String backend, String dispatch) throws Exception;
    }
}
