// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The armed timers of one loop: a binary heap whose nodes know their index, so that re-arming costs O(log n) and
 * allocates nothing. Loop only. Deadlines are compared by subtraction, as {@link System#nanoTime()} requires.
 *
 * <p>A heap rather than a wheel: connections re-arm their one timer lazily, about once per time-out and not once per
 * request, and a heap knows the exact time to wait.
 */
final class TimerHeap {
    /** Places reserved for the timers of the loop itself. */
    private static final int OWN = 3;

    private @Nullable Timer[] timers = new Timer[16];
    private int size;

    /** Whether a timer was due at the last look, and the time of that look. */
    private boolean isDue;

    private long lookedAt;

    /** Arms a timer, or changes the deadline of an armed one. Without memory to grow it throws and changes nothing. */
    void arm(Timer timer, long deadline) {
        if (timer.index < 0 && size >= timers.length - OWN) {
            timers = Arrays.copyOf(timers, timers.length * 2);
        }
        armOwn(timer, deadline);
    }

    /** Like {@link #arm}, for the few timers of the loop itself, which always have room. */
    void armOwn(Timer timer, long deadline) {
        timer.deadline = deadline;
        if (timer.index < 0) {
            place(timer, size);
            size++;
        }
        siftUp(timer);
        siftDown(timer);
    }

    /** Disarms a timer; does nothing if it is not armed. */
    void disarm(Timer timer) {
        int hole = timer.index;
        if (hole < 0) {
            return;
        }
        timer.index = -1;
        Timer last = at(--size);
        timers[size] = null;
        if (last != timer) {
            place(last, hole);
            siftUp(last);
            siftDown(last);
        }
    }

    /** {@return nanoseconds until the first deadline, 0 if it has passed, -1 if no timer is armed} */
    long untilFirst(long now) {
        return size == 0 ? -1 : Math.max(0, at(0).deadline - now);
    }

    /**
     * Expires the timers that were due at the last look, then checks whether more are due now; if so,
     * {@link #untilFirst} is 0. The loop polls between two looks: so bytes that came in time are delivered first, even
     * if the process stood still for a while.
     */
    void look(long now) {
        if (isDue) {
            isDue = false;
            expire(lookedAt);
        }
        if (untilFirst(now) == 0) {
            isDue = true;
            lookedAt = now;
        }
    }

    /** Removes and calls every timer whose deadline has passed. Logs what one throws. */
    void expire(long now) {
        while (size > 0 && at(0).deadline - now <= 0) {
            Timer timer = at(0);
            disarm(timer);
            try {
                timer.expired(now);
            } catch (Throwable t) { // later timers expire all the same
                LoopFailure.TIMER_FAILED.log(t);
            }
        }
    }

    int size() {
        return size;
    }

    private Timer at(int index) {
        Timer timer = timers[index];
        assert timer != null;
        return timer;
    }

    private void place(Timer timer, int index) {
        timers[index] = timer;
        timer.index = index;
    }

    private void siftUp(Timer timer) {
        int index = timer.index;
        while (index > 0) {
            int parent = (index - 1) >>> 1;
            Timer above = at(parent);
            if (above.deadline - timer.deadline <= 0) {
                break;
            }
            place(above, index);
            index = parent;
        }
        place(timer, index);
    }

    private void siftDown(Timer timer) {
        int index = timer.index;
        for (int child = 2 * index + 1; child < size; child = 2 * index + 1) {
            if (child + 1 < size && at(child + 1).deadline - at(child).deadline < 0) {
                child++;
            }
            Timer below = at(child);
            if (timer.deadline - below.deadline <= 0) {
                break;
            }
            place(below, index);
            index = child;
        }
        place(timer, index);
    }
}
