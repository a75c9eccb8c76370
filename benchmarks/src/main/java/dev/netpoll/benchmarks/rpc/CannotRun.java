// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import java.io.IOException;
import java.io.Serial;

/** A peer can't run on this machine, and says why. It is left out; the others are measured. */
final class CannotRun extends IOException {
    @Serial
    private static final long serialVersionUID = 1;

    CannotRun(String reason) {
        super(reason);
    }
}
