// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

/** mmap(2) has failed. */
public final class MappingException extends Exception {
    private static final long serialVersionUID = 1;

    private final int errno;

    MappingException(int errno) {
        super("mmap failed with error number " + errno);
        this.errno = errno;
    }

    /** {@return the error number} */
    public int errno() {
        return errno;
    }
}
