// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.HdrHistogram.AbstractHistogram;
import org.jspecify.annotations.Nullable;

/**
 * Calls, one request after the other, each on a connection of the pool.
 *
 * <p><b>Threads.</b> Runs on its own; another looks at its progress, and closes what takes too long.
 */
final class Caller implements Runnable {
    private static final VarHandle STARTED;
    private static final VarHandle ANSWERED;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            STARTED = lookup.findVarHandle(Caller.class, "started", long.class);
            ANSWERED = lookup.findVarHandle(Caller.class, "answered", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final ClientRun run;
    private final Window window;
    private final Marks marks;
    private final int index;
    private final long timeoutNanos;
    private final byte[] request;
    private final byte[] answer;
    private final ByteBuffer payload;
    private final AbstractHistogram plain;
    private final AbstractHistogram marked;

    private long sequence;
    private long answered;

    /** When the call that is under way began, or 0. */
    @SuppressWarnings("UnusedVariable") // used through STARTED
    private long started;

    private volatile Client.@Nullable Call connection;
    private long answeredInWindow;

    Caller(ClientRun run, Window window, LoadPlan plan, Marks marks, int index) {
        this.run = run;
        this.window = window;
        this.marks = marks;
        this.index = index;
        timeoutNanos = plan.timeoutNanos();
        request = Wire.payload(plan);
        answer = new byte[request.length];
        payload = ByteBuffer.wrap(request);
        plain = run.plain(index);
        marked = run.marked(index);
    }

    @Override
    public void run() {
        while (System.nanoTime() < window.endAt() && !run.isFatal()) {
            once();
        }
    }

    private void once() {
        Client.Call call;
        try {
            call = run.take();
        } catch (IOException e) {
            run.fatal("cannot connect: " + e);
            return;
        }
        connection = call;
        long number = Wire.number(index, sequence++);
        Wire.stamp(payload, number, marks);
        long start = System.nanoTime();
        STARTED.setOpaque(this, start);
        try {
            int length = call.call(request, answer);
            long now = System.nanoTime();
            STARTED.setOpaque(this, 0L);
            if (isAnswer(length, number)) {
                ANSWERED.setOpaque(this, answered + 1);
                if (now >= window.beginAt() && now < window.endAt()) {
                    answeredInWindow++;
                }
                record(start, now, number);
                run.giveBack(call);
                return;
            }
            run.wrong("not the bytes that were sent");
        } catch (Client.WrongAnswerException e) {
            run.wrong(String.valueOf(e.getMessage()));
        } catch (IOException | RuntimeException e) {
            long now = System.nanoTime();
            boolean late = now - start >= timeoutNanos;
            if (late) {
                // What it waited is measured, or slow servers would look fast.
                record(start, now, number);
            }
            run.failed(late, late ? "no answer within the time-out" : e.toString());
        }
        STARTED.setOpaque(this, 0L);
        call.close();
    }

    private boolean isAnswer(int length, long number) {
        if (length != request.length) {
            return false;
        }
        if (Wire.isSampled(number)) {
            return Arrays.equals(request, answer);
        }
        return length < Wire.NUMBERED_PAYLOAD_MIN
                || Arrays.equals(
                        request,
                        Wire.NUMBER_AT,
                        Wire.NUMBERED_PAYLOAD_MIN,
                        answer,
                        Wire.NUMBER_AT,
                        Wire.NUMBERED_PAYLOAD_MIN);
    }

    private void record(long start, long now, long number) {
        if (start >= window.beginAt() && start < window.endAt()) {
            AbstractHistogram histogram = marks.kind(number) == Marks.PLAIN ? plain : marked;
            histogram.recordValue(Math.clamp(now - start, 1, Outcome.LATENCY_MAX_NANOS));
        }
    }

    /** Closes the connection of a call that began before the given time; the call then fails. */
    void interruptOlderThan(long time) {
        long since = (long) STARTED.getOpaque(this);
        Client.Call call = connection;
        if (since != 0 && since - time < 0 && call != null) {
            call.close();
        }
    }

    long answeredSoFar() {
        return (long) ANSWERED.getOpaque(this);
    }

    /** {@return after the end: how many answers arrived in the window} */
    long answeredInWindow() {
        return answeredInWindow;
    }
}
