// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
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

    private GuardedFd open() {
        return new GuardedFd(LibcEventfd.eventfd(scratch));
    }

    private static Scratch enter(GuardedFd fd) {
        Scratch entered = fd.enter();
        assertThat(entered).isNotNull();
        return entered;
    }

    @Test
    void closesAtOnceWhenNobodyIsInside() {
        GuardedFd fd = open();
        assertThat(isOpen(fd.fd())).isTrue();
        fd.close(scratch);
        assertThat(isOpen(fd.fd())).isFalse();
        assertThat(fd.enter()).isNull();
    }

    @Test
    void theLastOneOutCloses() {
        GuardedFd fd = open();
        Scratch first = enter(fd);
        Scratch second = enter(fd);
        fd.close(scratch);
        fd.close(scratch);
        assertThat(fd.enter()).isNull();
        fd.exit(first);
        assertThat(isOpen(fd.fd())).isTrue();
        fd.exit(second);
        assertThat(isOpen(fd.fd())).isFalse();
    }

    @Test
    void detachingWaitsForUsersAndLeavesTheDescriptorOpen() throws InterruptedException {
        GuardedFd fd = open();
        AtomicBoolean left = new AtomicBoolean();
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch detaching = new CountDownLatch(1);
        Thread user = new Thread(() -> {
            Scratch entered = enter(fd);
            inside.countDown();
            await(detaching);
            left.set(true);
            fd.exit(entered);
        });
        user.start();
        await(inside);
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
    void aDescriptorThatAUserNeverLeavesIsNotSurrenderedAndIsClosedWhenHeDoesLeave() {
        GuardedFd fd = open();
        Scratch lost = enter(fd);
        long begin = System.nanoTime();
        assertThat(fd.surrender()).isEqualTo(GuardedFd.BUSY);
        assertThat(System.nanoTime() - begin).isLessThan(10_000_000_000L);
        assertThat(fd.enter()).isNull();
        fd.close(scratch);
        assertThat(isOpen(fd.fd())).isTrue();
        fd.exit(lost);
        assertThat(isOpen(fd.fd())).isFalse();
    }

    /** A user that has met the end of its stack may not have said that it left. */
    @Test
    void aDescriptorThatAUserNeverLeavesIsClosedWhenNobodyHasItAnyMore() throws InterruptedException {
        int[] told = new int[1];
        int raw = closeWithUserInside(told);
        assertThat(told[0]).as("how often the end was said in another way").isEqualTo(1);
        long end = System.nanoTime() + 10_000_000_000L;
        while (isOpen(raw) && System.nanoTime() - end < 0) {
            System.gc();
        }
        assertThat(isOpen(raw)).isFalse();
    }

    private int closeWithUserInside(int[] told) {
        GuardedFd fd = new GuardedFd(LibcEventfd.eventfd(scratch)) {
            @Override
            protected void closingLate(Scratch own) {
                told[0]++;
            }
        };
        enter(fd);
        fd.close(scratch);
        fd.close(scratch);
        assertThat(isOpen(fd.fd())).isTrue();
        return fd.fd();
    }

    /** I4: a close that has begun and fails is never done. */
    @Test
    void aDescriptorWhoseLastUserLeavesWhereTheStackEndsIsClosed() throws InterruptedException {
        int[] raw = new int[60];
        for (int depth = 0; depth < raw.length; depth++) {
            raw[depth] = leaveLastWhereTheStackEnds(depth);
        }
        long end = System.nanoTime() + 10_000_000_000L;
        while (IntStream.of(raw).anyMatch(this::isOpen) && System.nanoTime() - end < 0) {
            System.gc();
        }
        assertThat(IntStream.of(raw).filter(this::isOpen)).isEmpty();
    }

    private int leaveLastWhereTheStackEnds(int frames) throws InterruptedException {
        GuardedFd fd = open();
        int[] left = {frames};
        Scratch inside = enter(fd);
        fd.close(scratch);
        Thread user = new Thread(() -> leaveAtTheEnd(left, fd, inside));
        user.setUncaughtExceptionHandler((thread, error) -> {}); // the stack has ended
        user.start();
        user.join();
        return fd.fd();
    }

    /** Calls itself until the stack ends, and leaves so many frames above. */
    @SuppressWarnings("InfiniteRecursion")
    private static void leaveAtTheEnd(int[] frames, GuardedFd fd, Scratch inside) {
        try {
            leaveAtTheEnd(frames, fd, inside);
        } catch (StackOverflowError end) {
            if (frames[0]-- == 0) {
                fd.exit(inside);
            } else {
                throw end;
            }
        }
    }

    @Test
    void nobodyIsEverInsideAClosedDescriptor() throws InterruptedException {
        for (int round = 0; round < 300; round++) {
            GuardedFd fd = open();
            AtomicBoolean broken = new AtomicBoolean();
            CountDownLatch inside = new CountDownLatch(2);
            Thread[] users = new Thread[2];
            for (int i = 0; i < users.length; i++) {
                users[i] = new Thread(() -> {
                    inside.countDown();
                    for (Scratch entered = fd.enter(); entered != null; entered = fd.enter()) {
                        if (LibcEventfd.write(entered, fd.fd(), 1) != 0) {
                            broken.set(true);
                        }
                        fd.exit(entered);
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
