// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.Backend;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.internal.poll.nio.NioMechanism;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Backends that other modules provide: found by their object, and forgotten with it. */
class MechanismsTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @Test
    void aGroupGetsTheMechanismThatWasInstalledLast() {
        Backend backend = Backend.of("installed");
        NioMechanism mechanism = new NioMechanism();
        Mechanisms.install(backend, NioMechanism::new);
        Mechanisms.install(backend, () -> mechanism);
        assertThat(Mechanisms.find(backend)).isSameAs(mechanism);
        try (EventLoopGroup group = EventLoopGroup.builder().backend(backend).build()) {
            assertThat(group.backend()).isSameAs(backend);
        }
    }

    @Test
    void aBackendThatNobodyInstalledIsRefused() {
        Backend backend = Backend.of("nobody's");
        assertThat(Mechanisms.find(backend)).isNull();
        assertThatThrownBy(() -> EventLoopGroup.builder().backend(backend).build())
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining("nobody's");
    }

    @Test
    void aNameHasOneObjectWhileSomebodyHasIt() {
        Backend backend = Backend.of("Kept");
        System.gc();
        assertThat(Backend.of("kEPT")).isSameAs(backend);
        assertThat(Backend.of("nio")).isSameAs(Backend.NIO);
    }

    @Test
    void whatNobodyUsesAnyMoreIsForgotten() {
        WeakReference<Mechanism> mechanism = installForNobody();
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!mechanism.refersTo(null)) {
            assertThat(System.nanoTime()).as("the deadline").isLessThan(end);
            System.gc();
            LockSupport.parkNanos(10_000_000);
            assertThat(Mechanisms.find(Backend.NIO)).isNull(); // any call lets go of what was collected
        }
    }

    private static WeakReference<Mechanism> installForNobody() {
        Mechanism mechanism = new NioMechanism();
        Mechanisms.install(Backend.of("for nobody"), () -> mechanism);
        return new WeakReference<>(mechanism);
    }
}
