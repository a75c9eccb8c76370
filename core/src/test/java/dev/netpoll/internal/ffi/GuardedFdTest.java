// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class GuardedFdTest {
    private final Scratch scratch = new Scratch();

    @BeforeEach
    void onLinux() {
        assumeTrue(System.getProperty("os.name").equals("Linux"), "needs Linux");
    }

    private boolean isOpen(int fd) {
        return LibcEventfd.write(scratch, fd, 1) == 0;
    }

    @Test
    void closesAtOnceWhenNobodyIsInside() {
        GuardedFd fd = new GuardedFd(LibcEventfd.eventfd(scratch));
        assertThat(isOpen(fd.fd())).isTrue();
        fd.close(scratch);
        assertThat(isOpen(fd.fd())).isFalse();
        assertThat(fd.enter()).isFalse();
    }

    @Test
    void theLastOneOutCloses() {
        GuardedFd fd = new GuardedFd(LibcEventfd.eventfd(scratch));
        assertThat(fd.enter()).isTrue();
        assertThat(fd.enter()).isTrue();
        fd.close(scratch);
        fd.close(scratch);
        assertThat(fd.enter()).isFalse();
        fd.exit(scratch);
        assertThat(isOpen(fd.fd())).isTrue();
        fd.exit(scratch);
        assertThat(isOpen(fd.fd())).isFalse();
    }

    @Test
    void detachingWaitsForUsersAndLeavesTheDescriptorOpen() throws InterruptedException {
        GuardedFd fd = new GuardedFd(LibcEventfd.eventfd(scratch));
        assertThat(fd.enter()).isTrue();
        AtomicBoolean left = new AtomicBoolean();
        CountDownLatch detaching = new CountDownLatch(1);
        Thread user = new Thread(() -> {
            await(detaching);
            left.set(true);
            fd.exit(new Scratch());
        });
        user.start();
        detaching.countDown();
        int raw = fd.surrender();
        assertThat(left).isTrue();
        user.join();
        assertThat(isOpen(raw)).isTrue();
        fd.close(scratch);
        assertThat(isOpen(raw)).isTrue();
        LibcUnistd.close(scratch, raw);
    }

    @Test
    void nobodyIsEverInsideAClosedDescriptor() throws InterruptedException {
        for (int round = 0; round < 300; round++) {
            GuardedFd fd = new GuardedFd(LibcEventfd.eventfd(scratch));
            AtomicBoolean broken = new AtomicBoolean();
            CountDownLatch inside = new CountDownLatch(2);
            Thread[] users = new Thread[2];
            for (int i = 0; i < users.length; i++) {
                users[i] = new Thread(() -> {
                    Scratch own = new Scratch();
                    inside.countDown();
                    while (fd.enter()) {
                        if (LibcEventfd.write(own, fd.fd(), 1) != 0) {
                            broken.set(true);
                        }
                        fd.exit(own);
                    }
                });
                users[i].start();
            }
            await(inside);
            fd.close(scratch);
            for (Thread user : users) {
                user.join();
            }
            assertThat(broken).as("round " + round).isFalse();
            assertThat(isOpen(fd.fd())).isFalse();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
