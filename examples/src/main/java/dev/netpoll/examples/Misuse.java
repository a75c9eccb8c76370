// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.buffer.BufferMemory;
import dev.netpoll.buffer.LinkBuffer;
import java.io.PrintStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;

/** What checked mode says of the usual mistakes with buffers. Each is made on purpose. */
final class Misuse {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private Misuse() {}

    static void useAViewAfterItsRelease(PrintStream out) {
        try (LinkBuffer buffer = hello()) {
            MemorySegment view = buffer.next(5);
            buffer.release();
            try {
                out.println("read " + view.get(ValueLayout.JAVA_BYTE, 0)); // the mistake
            } catch (IllegalStateException e) {
                report(out, e);
                BufferMemory.releaseOf(view).ifPresent(where -> report(out, where));
            }
        }
    }

    static void useASliceAfterItsClose(PrintStream out) {
        try (LinkBuffer buffer = hello()) {
            LinkBuffer slice = buffer.slice(5);
            slice.close();
            out.println("read " + slice.readUtf8(5)); // the mistake
        } catch (IllegalStateException e) {
            report(out, e);
        }
    }

    static void closeASliceTwice(PrintStream out) {
        try (LinkBuffer buffer = hello()) {
            LinkBuffer slice = buffer.slice(5);
            slice.close();
            slice.close(); // the mistake
            out.println("nothing was noticed");
        } catch (IllegalStateException e) {
            report(out, e);
        }
    }

    static void leakASlice(PrintStream out) throws InterruptedException {
        long leaks = BufferMemory.stats().leaks();
        try (LinkBuffer buffer = hello()) {
            buffer.slice(5); // the mistake: nobody will close it
        }
        Instant end = Instant.now().plus(PATIENCE);
        while (BufferMemory.stats().leaks() == leaks && Instant.now().isBefore(end)) {
            System.gc(); // leaks are found by the collector; the report goes to the log
            Thread.sleep(50);
        }
        out.println("leaks found: " + (BufferMemory.stats().leaks() - leaks));
    }

    private static LinkBuffer hello() {
        LinkBuffer buffer = new LinkBuffer();
        buffer.writeUtf8("hello").flush();
        return buffer;
    }

    /** Prints the exception and its cause with the topmost frame of this program in each. */
    private static void report(PrintStream out, Throwable e) {
        for (Throwable t = e; t != null; t = t.getCause()) {
            out.println(t);
            for (StackTraceElement frame : t.getStackTrace()) {
                if (frame.getClassName().equals(Misuse.class.getName())) {
                    out.println("    at " + frame);
                    break;
                }
            }
        }
    }

    /** Makes all of them: start it with {@code -Ddev.netpoll.checked=true}. */
    public static void main(String[] args) throws InterruptedException {
        PrintStream out = System.out;
        out.println(String.format(Locale.ROOT, "checked mode: %s", BufferMemory.isChecked() ? "on" : "off"));
        if (!BufferMemory.isChecked()) {
            out.println("without -Ddev.netpoll.checked=true these mistakes have no defined result");
            return;
        }
        out.println("--- a view is used after its release");
        useAViewAfterItsRelease(out);
        out.println("--- a slice is used after its close");
        useASliceAfterItsClose(out);
        out.println("--- a slice is closed twice");
        closeASliceTwice(out);
        out.println("--- a slice is never closed");
        leakASlice(out);
    }
}
