// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.base.Classes;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/**
 * Where loops tell what went wrong, after they have seen to it. Telling never fails: without memory nothing is told.
 *
 * <p>The logger is found when there is something to tell: that takes a while. But not when memory is what is short: a
 * class whose initialisation fails stays broken, and half of the logging with it.
 */
public final class LoopLog {
    private static volatile System.@Nullable Logger logger;

    private LoopLog() {}

    /** Finds the logger, so that it is there also when memory is short. */
    public static void find() {
        logger = System.getLogger("dev.netpoll");
    }

    /** Loads what telling needs, so that catching an error does not begin with that. */
    static void prepare() {
        Classes.initialize(MethodHandles.lookup(), LoopFailure.class);
    }

    static void error(LoopFailure what, Throwable cause) {
        error(what, null, cause);
    }

    /** Takes the name of what has failed apart, as joining needs memory. */
    static void error(LoopFailure what, @Nullable String name, Throwable cause) {
        try {
            if (logger == null && !(cause instanceof VirtualMachineError)) {
                find();
            }
            System.Logger found = logger;
            if (found != null) {
                found.log(System.Logger.Level.ERROR, name == null ? what.text : what.text + name, cause);
            }
        } catch (Throwable t) {
            // Nobody can be told.
        }
    }
}
