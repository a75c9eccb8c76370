// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults.scenario;

import dev.netpoll.conformance.support.ThreadDump;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What went wrong in a trial. Any thread. */
final class Effects {
    private final List<String> all = new ArrayList<>();

    /** {@return all of them} */
    synchronized List<String> list() {
        return new ArrayList<>(all);
    }

    /** Notes one, once. */
    synchronized void say(String effect) {
        if (!all.contains(effect)) {
            all.add(effect);
        }
    }

    /** Calls as {@link #bounded(String, Callable)} does what returns nothing. */
    void bounded(String what, Act act) {
        bounded(what, () -> {
            act.run();
            return null;
        });
    }

    /** Calls on a virtual thread that is given up if it hangs; what it throws is fine unless it is an assertion. */
    <T> T bounded(String what, Callable<T> call) {
        FutureTask<T> task = new FutureTask<>(call);
        Thread thread = Thread.ofVirtual().name("user").start(task);
        try {
            return task.get(4 * Rig.PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException hangs) {
            say(what + " hangs at " + top(thread.getStackTrace()) + ", all threads: " + ThreadDump.write());
            thread.interrupt();
        } catch (ExecutionException failure) {
            if (failure.getCause() instanceof AssertionError error) {
                say(error.getMessage() == null ? "assertion: " + top(error.getStackTrace()) : error.getMessage());
            }
        } catch (InterruptedException interrupted) {
            throw new AssertionError("interrupted", interrupted);
        }
        return null;
    }

    private static String top(StackTraceElement[] stack) {
        for (StackTraceElement frame : stack) {
            if (frame.getClassName().startsWith("dev.netpoll.")) {
                return frame.getClassName().substring(frame.getClassName().lastIndexOf('.') + 1) + "#"
                        + frame.getMethodName() + ":" + frame.getLineNumber();
            }
        }
        return stack.length == 0 ? "nothing" : stack[0].toString();
    }
}
