// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Lets fault after fault strike, one in each run. For each backend and dispatch it first does every action without a
 * fault and records where one could strike, then once for each of these places, or for as many as there is time for.
 */
@SuppressWarnings("RethrowReflectiveOperationExceptionAsLinkageError") // a mistake of the suite
final class Sweep {
    /** Kept, so that its level is. What the library says about the faults is no news. */
    private static final Logger LIBRARY = Logger.getLogger("dev.netpoll");

    private static final long SECOND = 1_000_000_000L;
    private static final long GOLDEN_RATIO = 0x9E37_79B9_7F4A_7C15L;

    private final SweepOptions options;
    private final Findings findings = new Findings();
    private final List<String> lines = new ArrayList<>();
    private final Map<String, Integer> harmAt = new TreeMap<>();
    private int places;
    private int runs;
    private int struck;
    private int harmful;

    /** Loads the library once, since what was loaded gets faster. */
    private static final class Loaded {
        static final Subject.Maker MAKER = load();

        private static Subject.Maker load() {
            try {
                return (Subject.Maker) new FaultyLoader()
                        .loadClass("dev.netpoll.conformance.faults.scenario.RigMaker")
                        .getConstructor()
                        .newInstance();
            } catch (ReflectiveOperationException failure) {
                throw new AssertionError("the library cannot be loaded with faults", failure);
            }
        }
    }

    Sweep(SweepOptions options) {
        this.options = options;
    }

    /** Sweeps as the arguments say and ends with status 1 if any fault did harm. */
    public static void main(String[] arguments) throws Exception {
        Sweep sweep = new Sweep(SweepOptions.parse(arguments));
        sweep.run();
        System.out.println(sweep.summary());
        System.exit(sweep.findings.isEmpty() ? 0 : 1);
    }

    /** One run to be done: a fault in an action. */
    private record Plan(Action action, Place place) {}

    /** Does it all. */
    void run() throws Exception {
        Level level = LIBRARY.getLevel();
        LIBRARY.setLevel(Level.OFF);
        try {
            int variants = options.backends.size() * options.dispatches.size();
            for (String backend : options.backends) {
                for (String dispatch : options.dispatches) {
                    sweep(backend, dispatch, options.seconds * SECOND / variants);
                }
            }
        } finally {
            LIBRARY.setLevel(level);
        }
    }

    /** {@return how many faults have struck} */
    int struck() {
        return struck;
    }

    /** {@return a line for each fault that did harm} */
    List<String> lines() {
        return lines;
    }

    String summary() {
        return "%d runs, %d places, %d faults struck, %d did harm; seed %d"
                .formatted(runs, places, struck, harmful, options.seed);
    }

    private void sweep(String backend, String dispatch, long nanos) throws Exception {
        String variant = backend + " " + dispatch;
        Subject subject = Loaded.MAKER.make(backend.toUpperCase(Locale.ROOT), dispatch.toUpperCase(Locale.ROOT));
        long begin = System.nanoTime();
        List<Plan> plans = plans(subject, variant);
        if (options.seconds < Integer.MAX_VALUE) {
            plans = ordered(plans);
        }
        places += plans.size();
        long end = System.nanoTime() + nanos;
        int done = 0;
        int before = harmful;
        for (Plan plan : plans) {
            if (System.nanoTime() > end || harmful >= options.most) {
                break;
            }
            if (harmAt.getOrDefault(plan.place().line(), 0) < options.enough) {
                strike(subject, variant, plan);
                done++;
            }
        }
        System.out.printf(
                "%s: %d places, %d faults, %d did harm, %.1f s%n",
                variant, plans.size(), done, harmful - before, (System.nanoTime() - begin) / 1e9);
    }

    private List<Plan> plans(Subject subject, String variant) throws Exception {
        List<Plan> plans = new ArrayList<>();
        for (Action action : options.actions) {
            List<String> effects = subject.run(action, Arming.NONE); // also makes all that is made but once
            Recording recording = new Recording(options.kinds, options.callers);
            subject.run(action, recording); // so slow that it proves nothing
            runs += 2;
            if (!effects.isEmpty()) {
                found("without a fault", String.join("; ", effects), variant + " " + name(action), null);
            }
            for (Place place : recording.places()) {
                if (place.toString().contains(options.only)) {
                    plans.add(new Plan(action, place));
                }
            }
        }
        return plans;
    }

    /** {@return the order if there is no time for all} One of each kind that was asked for goes first. */
    private List<Plan> ordered(List<Plan> plans) {
        plans.sort(Comparator.comparingLong(this::rank));
        Set<Plan> order = new LinkedHashSet<>();
        for (String wanted : options.first) {
            plans.stream()
                    .filter(plan -> plan.place().toString().contains(wanted))
                    .findFirst()
                    .ifPresent(order::add);
        }
        order.addAll(plans);
        return List.copyOf(order);
    }

    /** By the seed alone, whatever else was recorded. */
    private long rank(Plan plan) {
        return (31L * (plan.place() + plan.action().name()).hashCode() + options.seed) * GOLDEN_RATIO;
    }

    private void strike(Subject subject, String variant, Plan plan) throws Exception {
        Place place = plan.place();
        Strike strike = new Strike(place, options.callers);
        List<String> effects = place.tolerate(subject.run(plan.action(), strike));
        runs++;
        struck += strike.hasStruck() ? 1 : 0;
        if (!effects.isEmpty()) {
            harmAt.merge(place.line(), 1, Integer::sum);
            String run = variant + " " + name(plan.action()) + " k=" + place.number();
            found(place.toString(), String.join("; ", effects), run, strike.stack());
        }
    }

    private void found(String place, String effects, String run, @Nullable Throwable stack) throws IOException {
        harmful++;
        String line = findings.add(place, effects, run, stack);
        lines.add(line);
        System.out.println(line);
        if (options.report != null) {
            findings.write(Path.of(options.report), summary());
        }
    }

    private static String name(Action action) {
        return action.name().toLowerCase(Locale.ROOT);
    }
}
