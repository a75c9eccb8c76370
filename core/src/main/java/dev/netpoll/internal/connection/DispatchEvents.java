// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.base.Flight;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** Records changes of adaptive dispatch in the flight recorder. Does nothing in a runtime without {@code jdk.jfr}. */
final class DispatchEvents {
    private DispatchEvents() {}

    /** Records that handlers moved to the event loop, or back to threads. */
    static void change(boolean inline, String why, long meanNanos, long backOffNanos) {
        if (Flight.isRecorded()) {
            DispatchChange event = new DispatchChange();
            event.inline = inline;
            event.why = why;
            event.mean = meanNanos;
            event.backOff = backOffNanos;
            event.commit();
        }
    }

    @Name("dev.netpoll.DispatchChange")
    @Label("Dispatch Change")
    @Category({"Netpoll", "Dispatch"})
    @Description("The request handlers of a server proved short and run on the event loops now, or no longer do so")
    @StackTrace(false)
    static final class DispatchChange extends Event {
        @Label("On the Event Loops")
        boolean inline;

        @Label("Reason")
        String why = "";

        @Label("Mean Time of a Run")
        @Timespan(Timespan.NANOSECONDS)
        long mean;

        @Label("Not Inline Again For")
        @Timespan(Timespan.NANOSECONDS)
        long backOff;
    }
}
