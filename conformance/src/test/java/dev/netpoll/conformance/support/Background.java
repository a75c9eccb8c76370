// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.testkit.Await;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.assertj.core.api.Assertions;

/** A call that runs on a thread of its own while the test goes on. */
public final class Background<T> {
    private final FutureTask<T> task;
    private final Thread thread;

    private Background(Callable<T> call, boolean virtual) {
        task = new FutureTask<>(call);
        thread = virtual
                ? Thread.ofVirtual().name("test").unstarted(task)
                : Thread.ofPlatform().name("test").daemon().unstarted(task);
    }

    /** Starts the call on a virtual thread. */
    public static <T> Background<T> call(Callable<T> call) {
        return started(new Background<>(call, true));
    }

    /** Starts the code on a virtual thread. */
    public static Background<Void> run(Action action) {
        return call(() -> {
            action.run();
            return null;
        });
    }

    /** Starts the code on a platform thread. */
    public static Background<Void> runOnPlatformThread(Action action) {
        return started(new Background<>(
                () -> {
                    action.run();
                    return null;
                },
                false));
    }

    private static <T> Background<T> started(Background<T> background) {
        background.thread.start();
        return background;
    }

    /** Waits until the call waits for something. */
    public Background<T> awaitBlocked() {
        Await.until("the call waits", () -> {
            Assertions.assertThat(task.isDone()).as("ended without waiting").isFalse();
            return thread.getState() == Thread.State.WAITING || thread.getState() == Thread.State.TIMED_WAITING;
        });
        return this;
    }

    /** Like {@link #awaitBlocked}, without leaving the processor: the caller is a handler that is to keep its loop. */
    public Background<T> spinUntilBlocked() {
        long begin = System.nanoTime();
        while (thread.getState() != Thread.State.WAITING
                && thread.getState() != Thread.State.TIMED_WAITING
                && System.nanoTime() - begin < Await.DEADLINE.toNanos()) {
            Thread.onSpinWait();
        }
        return this;
    }

    /** {@return whether the call has ended} */
    public boolean isDone() {
        return task.isDone();
    }

    /** {@return what the call returned} Fails if it threw, or does not end. */
    public T result() {
        try {
            return get();
        } catch (ExecutionException failure) {
            throw new AssertionError("the call failed: " + failure.getCause(), failure.getCause());
        }
    }

    /** {@return what the call threw} Fails if it returned, or does not end. */
    public Throwable failure() {
        try {
            T result = get();
            throw new AssertionError("the call should have failed, but returned " + result);
        } catch (ExecutionException failure) {
            return failure.getCause();
        }
    }

    /** Interrupts the thread. */
    public void interrupt() {
        thread.interrupt();
    }

    private T get() throws ExecutionException {
        try {
            return task.get(2 * Await.DEADLINE.toSeconds(), TimeUnit.SECONDS);
        } catch (TimeoutException stuck) {
            AssertionError error = new AssertionError("the call does not end; it is at the trace below");
            error.setStackTrace(thread.getStackTrace());
            throw error;
        } catch (InterruptedException interrupted) {
            throw new AssertionError("interrupted while waiting", interrupted);
        }
    }

    /** Code that may throw. */
    @FunctionalInterface
    public interface Action {
        /** Runs it. */
        void run() throws Exception;
    }
}
