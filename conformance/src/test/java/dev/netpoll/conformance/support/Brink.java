// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

/** Runs an action where the stack of the calling thread is nearly used up. */
@SuppressWarnings({"InfiniteRecursion", "StaticAssignmentOfThrowable"})
public final class Brink {
    private static final StackOverflowError END = new StackOverflowError("one frame less");

    /** What is run there. */
    @FunctionalInterface
    public interface Action {
        /** Does it. */
        void run() throws Exception;
    }

    private final Action action;
    private int untilAction;

    private Brink(int frames, Action action) {
        this.action = action;
        this.untilAction = frames;
    }

    /** Runs the action so many frames above the one where nothing is left, and throws what it throws. */
    public static void run(int frames, Action action) throws Exception {
        new Brink(frames, action).dive();
    }

    /** As {@link #run}, on a thread of its own; what it throws is dropped. */
    public static void runApart(int frames, Action action) throws InterruptedException {
        Thread thread = Thread.ofPlatform().start(() -> {
            try {
                run(frames, action);
            } catch (Throwable expected) {
                // the stack has ended, or the action has got through
            }
        });
        thread.join();
    }

    /** Calls itself until the stack ends, and on the way back, at one depth, the action. */
    private void dive() throws Exception {
        boolean ended = false;
        try {
            dive();
        } catch (StackOverflowError end) {
            if (untilAction < 0) {
                throw end;
            }
            ended = true;
        }
        if (ended && untilAction-- == 0) {
            action.run();
        } else if (ended) {
            throw END;
        }
    }
}
