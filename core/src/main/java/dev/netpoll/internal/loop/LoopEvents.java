// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.base.Flight;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** Records events of loops in the flight recorder. Does nothing in a runtime without the module {@code jdk.jfr}. */
final class LoopEvents {
    private LoopEvents() {}

    /** A loop got another driver. */
    static void relief(EventLoop loop, Relief cause, boolean platform, long waitedNanos) {
        if (Flight.isRecorded()) {
            LoopRelief event = new LoopRelief();
            event.loop = loop.name();
            event.cause = cause.name();
            event.platformThread = platform;
            event.waited = waitedNanos;
            event.commit();
        }
    }

    @Name("dev.netpoll.LoopRelief")
    @Label("Loop Relief")
    @Category({"Netpoll", "Dispatch"})
    @Description("An event loop was taken from the thread that drove it, and given to another one")
    @StackTrace(false)
    static final class LoopRelief extends Event {
        @Label("Event Loop")
        String loop = "";

        @Label("Cause")
        String cause = "";

        @Label("To a Platform Thread")
        boolean platformThread;

        @Label("How Long the Loop Had Waited, at Least")
        @Timespan(Timespan.NANOSECONDS)
        long waited;
    }
}
