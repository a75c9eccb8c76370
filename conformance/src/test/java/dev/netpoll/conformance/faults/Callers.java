// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

import java.lang.StackWalker.StackFrame;
import java.util.Iterator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Who called: what tells one visit of a site from others. */
final class Callers {
    private static final StackWalker WALKER = StackWalker.getInstance();
    private static final String LIBRARY = "dev.netpoll.";
    private static final String TESTS = "dev.netpoll.conformance.";

    /**
     * What a walk found.
     *
     * @param context tells callers apart
     * @param depth how many frames of the library there are above the user's code, or -1 if there is no such code
     */
    record Found(long context, int depth) {}

    private Callers() {}

    /** {@return what is on the stack, looking at so many callers in the library; null in a static initialiser} */
    static @Nullable Found find(int callers) {
        return WALKER.walk(frames -> find(frames, callers));
    }

    private static @Nullable Found find(Stream<StackFrame> frames, int callers) {
        long context = 17;
        int depth = 0;
        boolean user = false;
        for (Iterator<StackFrame> all = frames.iterator(); all.hasNext(); ) {
            StackFrame frame = all.next();
            String name = frame.getClassName();
            if (name.startsWith(TESTS)) {
                user |= depth > 0;
            } else if (name.startsWith(LIBRARY)) {
                if (frame.getMethodName().equals("<clinit>")) {
                    return null;
                }
                if (!user && depth++ <= callers) {
                    context = 31
                                    * (31 * (31 * context + name.hashCode())
                                            + frame.getMethodName().hashCode())
                            + frame.getByteCodeIndex();
                }
            }
        }
        return new Found(context, user ? depth : -1);
    }

    /** {@return the callers as text} */
    static String describe(int callers) {
        StringBuilder text = new StringBuilder();
        WALKER.walk(frames -> {
            frames.filter(frame -> frame.getClassName().startsWith(LIBRARY) && !isOurs(frame.getClassName()))
                    .skip(1)
                    .limit(callers)
                    .forEach(frame -> text.append(" < ").append(describe(frame)));
            return null;
        });
        return text.toString();
    }

    private static boolean isOurs(String name) {
        return name.startsWith(TESTS + "faults.") && !name.startsWith(TESTS + "faults.scenario.");
    }

    private static String describe(StackFrame frame) {
        return describe(frame.getClassName(), frame.getMethodName(), frame.getLineNumber());
    }

    static String describe(String className, String method, int line) {
        return className.substring(className.lastIndexOf('.') + 1) + "#" + method + ":" + line;
    }
}
