// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.netpoll.internal.ffi.GuardedFd;
import dev.netpoll.internal.ffi.Scratch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class RingTest {
    private final Scratch scratch = new Scratch();

    /**
     * One that woke the ring's thread, and met the end of its stack, may not have said that it left. What the ring has
     * under way keeps its sockets open, so their peers would not hear of the end before the collector runs.
     */
    @Test
    void aRingEndsWithItsCloseAlsoIfSomebodyNeverLeavesItsDescriptor() throws Exception {
        String reason = UringMechanism.unavailableReason();
        assumeTrue(reason == null, () -> reason);
        Ring ring = Ring.open(scratch, 0, RingSize.USUAL);
        GuardedFd descriptor = ring.descriptor();
        assertThat(file(descriptor)).contains("io_uring");
        Scratch inside = Objects.requireNonNull(descriptor.enter());
        ring.close(scratch);
        assertThat(file(descriptor)).doesNotContain("io_uring");
        descriptor.exit(inside); // it did leave, later: the number is free
        assertThat(descriptor.isEnded()).isTrue();
    }

    private static String file(GuardedFd descriptor) throws IOException {
        return Files.readSymbolicLink(Path.of("/proc/self/fd", Integer.toString(descriptor.fd())))
                .toString();
    }
}
