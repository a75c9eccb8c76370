// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Linux delays wake-ups by up to 50 us to save power, which an open loop would measure as latency. */
final class TimerSlack {
    private TimerSlack() {}

    /** Lets the calling platform thread wake up on time, where the kernel allows it. */
    static void remove() {
        try {
            // "PID/task/TID"; /proc/TID exists too, although it is not listed.
            Path self = Files.readSymbolicLink(Path.of("/proc/thread-self"));
            Files.writeString(Path.of("/proc", self.getFileName().toString(), "timerslack_ns"), "1");
        } catch (IOException | UnsupportedOperationException _) {
            // Wake-ups stay as late as they are.
        }
    }
}
