// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Lets fault after fault strike, one in each run: for each backend, dispatch, action and kind first a run that records
 * the places, then a run for each place, or for a sample of them.
 */
public final class Sweep {
    private static final Logger LIBRARY = Logger.getLogger("dev.netpoll");

    /** What is asked for. */
    public static final class Options {
        public List<String> backends = List.of("EPOLL", "IO_URING", "NIO");
        public List<String> dispatches = List.of("ADAPTIVE", "VIRTUAL", "INLINE");
        public Set<Action> actions = EnumSet.allOf(Action.class);
        public Set<FaultKind> kinds = EnumSet.of(FaultKind.HEAP, FaultKind.OVERFLOW, FaultKind.SYSTEM);
        public int callers = 2;
        public double share = 1;
        public long seed = System.nanoTime();
        public String only = "";
        public String report = "";
        /** After so much harm at one line it is left alone. */
        public int enough = Integer.MAX_VALUE;

        public long seconds = Long.MAX_VALUE / 2_000_000_000L;
    }

    private final Options options;
    private final SplittableRandom random;
    private final Subject.Maker maker;
    private final Map<String, TreeSet<String>> findings = new TreeMap<>();
    private final Map<String, String> details = new LinkedHashMap<>();
    private final Map<String, Integer> harm = new TreeMap<>();
    private final long end;
    private int runs;
    private int strikes;
    private int failed;

    public Sweep(Options options) throws ReflectiveOperationException {
        this.options = options;
        random = new SplittableRandom(options.seed);
        maker = (Subject.Maker) new FaultyLoader()
                .loadClass("dev.netpoll.conformance.faults.scenario.RigMaker")
                .getConstructor()
                .newInstance();
        end = System.nanoTime() + options.seconds * 1_000_000_000L;
    }

    public static void main(String[] arguments) throws Exception {
        Options options = new Options();
        for (int i = 0; i + 1 < arguments.length; i += 2) {
            List<String> values = List.of(arguments[i + 1].split(","));
            switch (arguments[i]) {
                case "--backends" -> options.backends = values;
                case "--dispatches" -> options.dispatches = values;
                case "--actions" -> options.actions = enums(Action.class, values);
                case "--kinds" -> options.kinds = enums(FaultKind.class, values);
                case "--callers" -> options.callers = Integer.parseInt(values.getFirst());
                case "--share" -> options.share = Double.parseDouble(values.getFirst());
                case "--seed" -> options.seed = Long.parseLong(values.getFirst());
                case "--only" -> options.only = arguments[i + 1];
                case "--report" -> options.report = values.getFirst();
                case "--enough" -> options.enough = Integer.parseInt(values.getFirst());
                case "--seconds" -> options.seconds = Long.parseLong(values.getFirst());
                default -> throw new IllegalArgumentException(arguments[i]);
            }
        }
        System.exit(new Sweep(options).run() ? 0 : 1);
    }

    private static <E extends Enum<E>> Set<E> enums(Class<E> type, List<String> names) {
        Set<E> all = EnumSet.noneOf(type);
        names.forEach(name -> all.add(Enum.valueOf(type, name)));
        return all;
    }

    /** {@return whether all is well} */
    public boolean run() throws Exception {
        Level level = LIBRARY.getLevel();
        LIBRARY.setLevel(Level.OFF);
        try {
            for (String backend : options.backends) {
                for (String dispatch : options.dispatches) {
                    try (Subject subject = maker.make(backend, dispatch)) {
                        for (Action action : options.actions) {
                            sweep(subject, backend + " " + dispatch, action);
                            report();
                        }
                    }
                    report();
                }
            }
        } finally {
            LIBRARY.setLevel(level);
            report();
        }
        System.out.println(runs + " runs, " + strikes + " faults, " + failed + " of them did harm; seed "
                + options.seed);
        return findings.isEmpty();
    }

    private void sweep(Subject subject, String variant, Action action) throws Exception {
        subject.run(action, new Recording(options.kinds, options.callers)); // all that is made once is made
        Recording recording = new Recording(options.kinds, options.callers);
        List<String> effects = subject.run(action, recording);
        runs++;
        if (!effects.isEmpty()) {
            found("no fault at all", variant + " " + action, effects, null);
        }
        for (FaultKind kind : options.kinds) {
            List<Place> places = recording.places().stream().filter(place -> place.kind() == kind).toList();
            int before = failed;
            int k = 0;
            int done = 0;
            long begin = System.nanoTime();
            for (Place place : places) {
                k++;
                if (System.nanoTime() > end) {
                    break;
                }
                if (random.nextDouble() < options.share
                        && place.toString().contains(options.only)
                        && harm.getOrDefault(place.errno() + place.code(), 0) < options.enough) {
                    strike(subject, variant, action, place, k);
                    done++;
                }
            }
            System.out.printf(
                    "%s %s %s: %d places, %d faults, %d did harm, %.1f s%n",
                    variant, action, kind, places.size(), done, failed - before, (System.nanoTime() - begin) / 1e9);
        }
    }

    private void strike(Subject subject, String variant, Action action, Place place, int k) throws Exception {
        Strike strike = new Strike(place, options.callers);
        List<String> effects = subject.run(action, strike);
        runs++;
        if (strike.hasStruck()) {
            strikes++;
        }
        if (!effects.isEmpty()) {
            failed++;
            harm.merge(place.errno() + place.code(), 1, Integer::sum);
            found(place.toString(), variant + " " + action + " k=" + k, effects, strike.stack());
        }
    }

    private void found(String place, String what, List<String> effects, Throwable stack) {
        if (stack == null) {
            place = "NOT STRUCK " + place;
        }
        String line = place + " | " + String.join("; ", effects);
        System.out.println("  " + what + " " + line);
        findings.computeIfAbsent(place, _ -> new TreeSet<>()).add(String.join("; ", effects) + " [" + what + "]");
        if (stack != null && !details.containsKey(place)) {
            StringBuilder text = new StringBuilder(stack.getMessage());
            int frames = 0;
            for (StackTraceElement frame : stack.getStackTrace()) {
                if (frame.getClassName().startsWith("dev.netpoll.")
                        && !frame.getClassName().startsWith("dev.netpoll.conformance.faults.S")
                        && !frame.getClassName().startsWith("dev.netpoll.conformance.faults.F")
                        && frames++ < 14) {
                    text.append("\n        ").append(frame.getClassName().replaceAll(".*\\.", "")).append('#')
                            .append(frame.getMethodName()).append(':').append(frame.getLineNumber());
                }
            }
            details.put(place, text.toString());
        }
    }

    private void report() throws IOException {
        if (options.report.isEmpty()) {
            return;
        }
        try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(Path.of(options.report)))) {
            out.println(runs + " runs, " + strikes + " faults struck, " + failed + " did harm");
            findings.forEach((place, all) -> {
                out.println();
                out.println(place);
                all.stream().limit(6).forEach(one -> out.println("    => " + one));
                if (all.size() > 6) {
                    out.println("    ... and " + (all.size() - 6) + " more");
                }
                if (details.containsKey(place)) {
                    out.println("      " + details.get(place));
                }
            });
        }
    }
}
