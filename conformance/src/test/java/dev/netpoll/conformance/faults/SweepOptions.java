// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What a sweep is asked for. Fields are set before the sweep begins. */
final class SweepOptions {
    List<String> backends = List.of("epoll", "io_uring", "nio");
    List<String> dispatches = List.of("adaptive", "virtual", "inline");
    Set<Action> actions = EnumSet.allOf(Action.class);
    Set<FaultKind> kinds = EnumSet.of(FaultKind.HEAP, FaultKind.OVERFLOW, FaultKind.SYSTEM);

    /** How many callers tell one visit of a place from another. */
    int callers = 2;

    /** Only places whose description contains this. */
    String only = "";

    /** For how long; the seed says which places come first if there is not enough time for all. */
    int seconds = Integer.MAX_VALUE;

    /** What is in the descriptions of places one of which is taken before the others. */
    List<String> first = List.of();

    long seed = System.nanoTime();

    /** After so many faults that did harm at one line it is left alone. */
    int enough = Integer.MAX_VALUE;

    /** After so many faults that did harm it ends. */
    int most = Integer.MAX_VALUE;

    /** Where to write what was found. */
    @Nullable
    String report;

    /** Reads arguments, each a name and a value. */
    static SweepOptions parse(String[] arguments) {
        SweepOptions options = new SweepOptions();
        for (int i = 0; i + 1 < arguments.length; i += 2) {
            options.set(arguments[i], arguments[i + 1]);
        }
        if (arguments.length % 2 != 0) {
            throw new IllegalArgumentException("no value: " + arguments[arguments.length - 1]);
        }
        return options;
    }

    private void set(String name, String value) {
        List<String> values = List.of(value.split(","));
        switch (name) {
            case "--backend" -> backends = values;
            case "--dispatch" -> dispatches = values;
            case "--action" -> actions = enums(Action.class, values);
            case "--kind" -> kinds = enums(FaultKind.class, values);
            case "--callers" -> callers = Integer.parseInt(value);
            case "--only" -> only = value;
            case "--first" -> first = values;
            case "--seconds" -> seconds = Integer.parseInt(value);
            case "--seed" -> seed = Long.parseLong(value);
            case "--enough" -> enough = Integer.parseInt(value);
            case "--most" -> most = Integer.parseInt(value);
            case "--report" -> report = value;
            default -> throw new IllegalArgumentException("unknown: " + name);
        }
    }

    private static <E extends Enum<E>> Set<E> enums(Class<E> type, List<String> names) {
        Set<E> all = EnumSet.noneOf(type);
        names.forEach(name -> all.add(Enum.valueOf(type, name.toUpperCase(Locale.ROOT))));
        return all;
    }
}
