// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import dev.netpoll.Backend;
import dev.netpoll.conformance.soak.Soak;
import dev.netpoll.conformance.soak.SoakOptions;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.wrapped.Wrapping;
import java.io.IOException;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.opentest4j.TestAbortedException;

/** A soak of a second for each backend of the library's own: all dispatches, TCP and Unix sockets at once. */
@ExtendWith(LeakCheck.class)
class SoakTest {
    private static final int SECONDS = 1;
    private static final int CONNECTIONS = 24;

    @ParameterizedTest
    @ValueSource(strings = {"epoll", "io_uring"})
    void noByteIsLostAndNothingLeaks(String name) throws IOException {
        Backend backend = Backend.of(name);
        String only = System.getProperty("netpoll.test.backend", name);
        if (!name.equalsIgnoreCase(only)) {
            throw new TestAbortedException("this run is narrowed to " + only);
        }
        if (Wrapping.isAsked()) {
            if (!Wrapping.isAskedFor(backend)) {
                throw new TestAbortedException("this run is one on a wrapped backend");
            }
            backend = Wrapping.around(backend);
        }
        try {
            long seed = Long.getLong("seed", System.nanoTime());
            System.out.println(Soak.run(new SoakOptions(backend, SECONDS, seed, CONNECTIONS)));
        } catch (UnsupportedOperationException unsupported) {
            throw new TestAbortedException(backend + " cannot run here: " + unsupported.getMessage());
        }
    }
}
