// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import dev.netpoll.EventLoopGroup;
import dev.netpoll.testkit.internal.ProcessState;
import java.io.IOException;
import java.time.Duration;
import java.util.Objects;

/**
 * Checks that a test gives everything back: blocks of the library's buffer memory, threads of event loops, and, on
 * Linux, descriptors of sockets. Begin the check before everything else, and close it after everything else.
 *
 * {@snippet file="dev/netpoll/testkit/UpperCaseTest.java" region="leaks"}
 *
 * <p>{@link #close()} waits up to {@linkplain #begin(Duration) a limit} for the numbers to come back, because loops and
 * connections end a moment after their close. Then it throws an AssertionError that lists what is left. In {@linkplain
 * dev.netpoll.buffer.BufferMemory checked mode} it also says where the blocks were handed out.
 *
 * <p>Memory of a buffer or connection that the program dropped without closing it comes back when it is collected. The
 * check reports that as a leak, unless {@link #allowCollected()} says otherwise.
 *
 * <p><b>Limits.</b> The numbers are those of the whole process: tests that run at the same time disturb each other. A
 * group that outlives the check must have started before it; {@link EventLoopGroup#shared()} starts with its first use.
 * The check counts no files, and on systems other than Linux no descriptors at all.
 *
 * <p><b>Threads.</b> Any thread, one at a time.
 *
 * @since 0.1
 */
public final class LeakCheck implements AutoCloseable {
    /** After this long, what is left may need the garbage collector first. */
    private static final Duration PROMPTLY = Duration.ofSeconds(1);

    /** The time between two collections. The pool checks every two seconds for collected blocks. */
    private static final Duration COLLECTION = Duration.ofSeconds(1);

    /** Whether {@link #prepareJdk} has run; once per process. */
    private static boolean jdkIsReady;

    private final Duration limit;
    private final ProcessState before;
    private final long foundBefore;
    private boolean collectedAllowed;
    private boolean closed;

    private LeakCheck(Duration limit) {
        this.limit = limit;
        before = ProcessState.now();
        foundBefore = ProcessState.foundBlocks();
    }

    /** {@return a check that begins now, and waits up to {@link Await#DEADLINE} when it is closed} */
    public static LeakCheck begin() {
        return begin(Await.DEADLINE);
    }

    /**
     * {@return a check that begins now}
     *
     * @param limit how long {@link #close()} waits at most
     */
    public static LeakCheck begin(Duration limit) {
        Objects.requireNonNull(limit, "limit");
        prepareJdk();
        return new LeakCheck(limit);
    }

    /** Makes the JDK open the descriptors that it keeps after its first sockets: they would look like a leak. */
    private static synchronized void prepareJdk() {
        if (!jdkIsReady && ProcessState.canSeeDescriptors()) {
            try {
                ProcessState.openWhatTheJdkKeeps();
            } catch (IOException e) {
                // No sockets on this system: the test opens none either, or gets the same error.
            }
        }
        jdkIsReady = true;
    }

    /**
     * Accepts memory that comes back only because the collector found it. For tests that drop connections or buffers on
     * purpose.
     *
     * @return this
     */
    public LeakCheck allowCollected() {
        collectedAllowed = true;
        return this;
    }

    /** {@return what the process holds more than at the beginning, in words; empty if nothing} Does not wait. */
    public String leaks() {
        ProcessState now = ProcessState.now();
        if (!now.holdsNoMoreThan(before)) {
            return now.beyond(before) + ProcessState.whereBlocksAre();
        }
        long found = ProcessState.foundBlocks() - foundBefore;
        return found > 0 && !collectedAllowed ? found + " blocks were lost, and came back with the collector" : "";
    }

    /**
     * Waits until everything is back. Idempotent: only the first call checks.
     *
     * @throws AssertionError if something is left when the time is up
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        long begin = System.nanoTime();
        boolean back = Await.within(min(limit, PROMPTLY), this::isBack);
        for (Duration left = left(begin); !back && left.isPositive(); left = left(begin)) {
            System.gc(); // lost blocks come back, and are reported as lost
            back = Await.within(min(left, COLLECTION), this::isBack);
        }
        String left = leaks();
        if (!left.isEmpty()) {
            throw new AssertionError("left after the test: " + left);
        }
    }

    private Duration left(long begin) {
        return limit.minusNanos(System.nanoTime() - begin);
    }

    private static Duration min(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    private boolean isBack() {
        return ProcessState.now().holdsNoMoreThan(before);
    }
}
