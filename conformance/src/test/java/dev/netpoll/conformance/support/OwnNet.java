// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.EventLoopGroup;
import java.nio.file.Path;

/** A harness on an event loop group of a test's own, for tests that may spoil the group; for TCP. */
public final class OwnNet implements AutoCloseable {
    private final EventLoopGroup group;
    private final Harness net;

    /** Opens a group of the variant's backend. */
    public OwnNet(Variant variant, int loops, boolean platformThreads) {
        this(
                variant,
                EventLoopGroup.builder()
                        .backend(variant.backend())
                        .loops(loops)
                        .platformThreads(platformThreads)
                        .build());
    }

    /** {@return one whose group has one loop and a budget of so many bytes} */
    public static OwnNet withBudget(Variant variant, long bytes) {
        return new OwnNet(
                variant,
                EventLoopGroup.builder()
                        .backend(variant.backend())
                        .loops(1)
                        .memoryBudget(bytes)
                        .build());
    }

    /** Takes over a group. */
    public OwnNet(Variant variant, EventLoopGroup group) {
        this.group = group;
        net = new Harness(variant, group, Path.of("no-unix-sockets"));
    }

    /** {@return the harness} */
    public Harness net() {
        return net;
    }

    /** {@return the group} */
    public EventLoopGroup group() {
        return group;
    }

    /** Ends what the test has opened, and the group in any case. */
    @Override
    public void close() {
        try (group) {
            net.end();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
