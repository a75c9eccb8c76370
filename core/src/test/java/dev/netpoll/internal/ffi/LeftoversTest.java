// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.netpoll.internal.transport.Errno;
import org.junit.jupiter.api.Test;

/** What could not be released is released later, and only once. */
class LeftoversTest {
    @Test
    void aDescriptorIsClosedAtTheNextTry() {
        assumeTrue("Linux".equals(System.getProperty("os.name")), "eventfd(2) is Linux's");
        Scratch scratch = Scratch.take();
        try {
            int fd = LibcEventfd.eventfd(scratch);
            assertThat(fd).isPositive();
            Leftovers.addDescriptor(fd);
            assertThat(LibcUnistd.setBlocking(scratch, fd)).as("open").isZero();
            while (Leftovers.exist()) { // a loop of another test may take it
                assertThat(Leftovers.bounded(-1)).isBetween(-1L, 10_000_000L);
                Leftovers.release(scratch);
            }
            assertThat(LibcUnistd.setBlocking(scratch, fd)).as("closed").isEqualTo(-Errno.EBADF);
            assertThat(Leftovers.bounded(-1)).isEqualTo(-1);
            assertThat(Leftovers.bounded(7)).isEqualTo(7);
        } finally {
            scratch.giveBack();
        }
    }
}
