// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.soak;

import dev.netpoll.Backend;

/**
 * What a soak is asked for.
 *
 * @param faults how many faults a second strike the library; it must have been loaded with places for them
 */
public record SoakOptions(Backend backend, int seconds, long seed, int connections, int faults) {
    private static final int CONNECTIONS = 48;

    /** Without faults. */
    public SoakOptions(Backend backend, int seconds, long seed, int connections) {
        this(backend, seconds, seed, connections, 0);
    }

    /** {@return how many connections send at the same instant, at the end of a round} */
    int storm() {
        return 6 * connections;
    }

    /** Reads the arguments {@code --backend --seconds --seed --connections --faults}, each with a value. */
    static SoakOptions parse(String[] arguments) {
        SoakOptions options = new SoakOptions(Backend.AUTO, 60, System.nanoTime(), CONNECTIONS);
        for (int i = 0; i + 1 < arguments.length; i += 2) {
            options = options.with(arguments[i], arguments[i + 1]);
        }
        if (arguments.length % 2 != 0) {
            throw new IllegalArgumentException("no value: " + arguments[arguments.length - 1]);
        }
        return options;
    }

    private SoakOptions with(String name, String value) {
        return switch (name) {
            case "--backend" -> new SoakOptions(Backend.of(value), seconds, seed, connections, faults);
            case "--seconds" -> new SoakOptions(backend, Integer.parseInt(value), seed, connections, faults);
            case "--seed" -> new SoakOptions(backend, seconds, Long.parseLong(value), connections, faults);
            case "--connections" -> new SoakOptions(backend, seconds, seed, Integer.parseInt(value), faults);
            case "--faults" -> new SoakOptions(backend, seconds, seed, connections, Integer.parseInt(value));
            default -> throw new IllegalArgumentException("unknown: " + name);
        };
    }
}
