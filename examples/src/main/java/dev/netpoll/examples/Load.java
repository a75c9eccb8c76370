// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import static java.util.concurrent.TimeUnit.MINUTES;

import dev.netpoll.Connection;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * Callers, each on a virtual thread of its own, that send a request, wait for the answer, compare it byte by byte, and
 * go on with the next one: a closed loop. A caller ends at its first error.
 */
final class Load {
    /** Length of a request, and of its answer. */
    static final int BODY_BYTES = 1024;

    /** One request in this many is {@linkplain #isSlow slow}. */
    static final int SLOW_ONE_IN = 100;

    private static final byte QUICK = 'q';
    private static final byte SLOW = 's';
    private static final long NANOS_MAX = MINUTES.toNanos(1);
    private static final int DIGITS = 3;

    private final ClientPool pool;
    private final CountDownLatch running;
    private final long measureFrom;
    private final long end;

    private final Histogram quick = new ConcurrentHistogram(NANOS_MAX, DIGITS);
    private final Histogram slow = new ConcurrentHistogram(NANOS_MAX, DIGITS);
    private final LongAdder answers = new LongAdder();
    private final LongAdder warmUpAnswers = new LongAdder();
    private final LongAdder errors = new LongAdder();
    private final AtomicReference<@Nullable Throwable> firstError = new AtomicReference<>();

    private Load(ClientPool pool, int callers, Duration warmUp, Duration duration) {
        this.pool = pool;
        running = new CountDownLatch(callers);
        measureFrom = System.nanoTime() + warmUp.toNanos();
        end = measureFrom + duration.toNanos();
    }

    /** Starts the callers. Requests that begin during the warm-up are checked like all others, but not measured. */
    static Load start(ClientPool pool, int callers, Duration warmUp, Duration duration) {
        Load load = new Load(pool, callers, warmUp, duration);
        SplittableRandom seeds = new SplittableRandom();
        for (int i = 0; i < callers; i++) {
            SplittableRandom random = seeds.split();
            Thread.ofVirtual().name("caller-" + i).start(() -> load.run(random));
        }
        return load;
    }

    /** {@return whether the server should block before it answers this request} */
    static boolean isSlow(Message request) {
        return request.body().length > 0 && request.body()[0] == SLOW;
    }

    /** Waits until every caller has ended, or the time is over; {@return whether they have ended} */
    boolean await(Duration time) throws InterruptedException {
        return running.await(time.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** {@return for how long it has been measured; negative during the warm-up} */
    Duration measured() {
        return Duration.ofNanos(System.nanoTime() - measureFrom);
    }

    /** {@return the right answers so far, warm-up excluded} */
    long answers() {
        return answers.sum();
    }

    /** {@return the right answers of the warm-up so far} */
    long warmUpAnswers() {
        return warmUpAnswers.sum();
    }

    /** {@return the callers that failed so far} */
    long errors() {
        return errors.sum();
    }

    /** {@return the first of the errors, or null if there was none} */
    @Nullable
    Throwable firstError() {
        return firstError.get();
    }

    /** {@return nanoseconds from taking a connection until the answer is there, of all but the slow requests} */
    Histogram quick() {
        return quick;
    }

    /** {@return the same for the slow requests} */
    Histogram slow() {
        return slow;
    }

    private void run(SplittableRandom random) {
        try {
            byte[] body = new byte[BODY_BYTES];
            for (long begin = System.nanoTime(); begin - end < 0; begin = System.nanoTime()) {
                random.nextBytes(body);
                boolean isSlow = random.nextInt(SLOW_ONE_IN) == 0;
                body[0] = isSlow ? SLOW : QUICK;
                check(body, call(new Message(body)).body());
                if (begin - measureFrom < 0) {
                    warmUpAnswers.increment();
                } else {
                    (isSlow ? slow : quick).recordValue(Math.min(System.nanoTime() - begin, NANOS_MAX));
                    answers.increment();
                }
            }
        } catch (Throwable e) {
            errors.increment();
            firstError.compareAndSet(null, e);
        } finally {
            running.countDown();
        }
    }

    private Message call(Message request) throws IOException, InterruptedException {
        Connection connection = pool.take();
        boolean answered = false;
        try {
            Frames.write(connection.writer(), request);
            connection.writer().flush();
            Message answer = Frames.read(connection.reader());
            answered = true;
            return answer;
        } finally {
            if (answered) {
                pool.giveBack(connection);
            } else {
                pool.discard(connection);
            }
        }
    }

    private static void check(byte[] expected, byte[] actual) throws IOException {
        int difference = Arrays.mismatch(expected, actual);
        if (difference >= 0) {
            throw new IOException("wrong answer: it differs from byte " + difference + " on");
        }
    }
}
