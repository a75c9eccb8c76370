// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import java.net.SocketException;

/** A failed socket call, with its error number; the layers above translate it into their public exceptions. */
public final class TransportException extends SocketException {
    private static final long serialVersionUID = 1;

    private final int errno;

    /** {@code operation} names the failed call: {@code bind}, {@code connect}. */
    public TransportException(String operation, int errno) {
        super(operation + ": " + Errno.describe(errno));
        this.errno = errno;
    }

    /** {@return the error number, positive} */
    public int errno() {
        return errno;
    }
}
