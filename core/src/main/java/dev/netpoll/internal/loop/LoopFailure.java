// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.base.Log;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/**
 * The log messages of loops about failures that they have handled. They exist before anything fails: the first use of a
 * string literal throws if the heap is full, and code that catches an Error must still do its other work.
 */
enum LoopFailure {
    DRIVER_NOT_LEFT("a driver could not leave its event loop"),
    EVICTION_FAILED("a resident of an event loop could not be evicted: "),
    LOOP_END_FAILED("at the end of an event loop: "),
    LOOP_FAILED("this event loop failed: "),
    LOOP_NOT_LOOKED_AFTER("this event loop could not be looked after: "),
    NO_DRIVER("no new driver for "),
    NO_WORKER("no new worker thread for an event loop"),
    RELIEVED_RUN_FAILED("a run that was relieved of its loop failed"),
    ROUND_FAILED("a round of a supervisor failed: "),
    RUN_FAILED("a run failed"),
    RUN_NOT_GIVEN_UP("a run that had failed could not be given up"),
    SIGNAL_FAILED("a signal on an event loop failed: "),
    SUPERVISOR_END_FAILED("at the end of a supervisor: "),
    SUPERVISOR_NOT_WOKEN("a supervisor could not be woken: "),
    TASK_FAILED("a task on an event loop failed: "),
    TIMER_FAILED("a timer on an event loop failed"),
    TURN_FAILED("a turn failed on ");

    /** If it ends in a space, the name of what failed follows. */
    private final String text;

    LoopFailure(String text) {
        this.text = text;
    }

    /** Loads the classes for logging, so that catching an error need not. */
    static void prepare() {
        Classes.initialize(MethodHandles.lookup(), LoopFailure.class, Log.class);
    }

    /** Logs it; never throws. */
    void log(Throwable cause) {
        log(null, cause);
    }

    /** Logs it, with the name of what has failed. */
    void log(@Nullable String name, Throwable cause) {
        Log.log(System.Logger.Level.ERROR, text, name, cause);
    }
}
