// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.endpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** A thread that fails takes no look-up of others with it. */
class LookupThreadsTest {
    private final CompletableFuture<String> done = new CompletableFuture<>();

    private void awaitDone() throws Exception {
        assertThat(done.get(10, TimeUnit.SECONDS)).isEqualTo("done");
    }

    @Test
    void whatWaitsForAThreadThatCannotStartGetsAnotherOne() throws Exception {
        AtomicReference<LookupThreads> threads = new AtomicReference<>();
        AtomicReference<Runnable> once = new AtomicReference<>(() -> {
            threads.get().run(() -> done.complete("done")); // the only thread is about to start, so this waits
            throw new OutOfMemoryError("unable to create native thread");
        });
        threads.set(new LookupThreads(1, work -> {
            Runnable failure = once.getAndSet(null);
            if (failure != null) {
                failure.run();
            }
            return thread(work);
        }));
        assertThatThrownBy(() -> threads.get().run(() -> done.complete("the task of a thread that did not start")))
                .isInstanceOf(OutOfMemoryError.class);
        awaitDone();
    }

    @Test
    void whatWaitsForAThreadThatDiesGetsAnotherOne() throws Exception {
        ThreadFactory quiet = work -> {
            Thread thread = thread(work);
            thread.setUncaughtExceptionHandler((who, error) -> {});
            return thread;
        };
        LookupThreads threads = new LookupThreads(1, quiet);
        CompletableFuture<Void> bothAsked = new CompletableFuture<>();
        threads.run(() -> {
            bothAsked.join();
            throw new StackOverflowError("on purpose");
        });
        threads.run(() -> done.complete("done"));
        bothAsked.complete(null);
        awaitDone();
    }

    private static Thread thread(Runnable work) {
        Thread thread = new Thread(work, "test-lookup");
        thread.setDaemon(true);
        return thread;
    }
}
