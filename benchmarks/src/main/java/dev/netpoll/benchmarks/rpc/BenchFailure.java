// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import java.io.IOException;
import java.io.Serial;

/** The measurement can't go on, or would not be worth anything: an error, a wrong answer, a process that ended. */
final class BenchFailure extends IOException {
    @Serial
    private static final long serialVersionUID = 1;

    BenchFailure(String message) {
        super(message);
    }
}
