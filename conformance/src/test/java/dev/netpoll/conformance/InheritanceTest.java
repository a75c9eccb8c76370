// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.conformance.support.Harness;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Handlers see nothing of whoever used a group first, nor of a handler on whose thread the library made another. */
@Variants(transports = Transport.TCP4)
class InheritanceTest extends ConformanceTest {
    private static final InheritableThreadLocal<String> TENANT = new InheritableThreadLocal<>();
    private static final String CLEAN = "-";
    private static final String TAINTED = "t";

    private final ClassLoader before = Thread.currentThread().getContextClassLoader();
    private EventLoopGroup group;
    private Harness own;

    @BeforeEach
    void openOwnGroup() {
        group = EventLoopGroup.builder().backend(variant.backend()).loops(1).build();
        own = new Harness(variant, group, Path.of("/nonexistent")); // for TCP only
        taint();
    }

    @AfterEach
    void closeOwnGroup() throws Exception {
        TENANT.remove();
        Thread.currentThread().setContextClassLoader(before);
        try {
            own.end();
        } finally {
            group.close();
        }
    }

    private static void taint() {
        TENANT.set("somebody's");
        Thread.currentThread().setContextClassLoader(new URLClassLoader(new URL[0]));
    }

    private static void tell(Connection connection) throws Exception {
        boolean clean = TENANT.get() == null
                && Thread.currentThread().getContextClassLoader() == ClassLoader.getSystemClassLoader();
        connection.writer().writeUtf8(clean ? CLEAN : TAINTED).flush();
    }

    @Test
    void aHandlerSeesNothingOfWhoUsedTheGroupFirst() throws Exception {
        Listening server =
                own.listen(own.server().onConnect(InheritanceTest::tell).onRequest(connection -> {
                    connection.reader().skip(connection.reader().readableBytes());
                    tell(connection);
                }));
        RawPeer peer = own.connectRaw(server.address());
        assertThat(peer.receiveText(1)).as("onConnect").isEqualTo(CLEAN);
        for (int i = 0; i < 10; i++) {
            assertThat(peer.send("x").receiveText(1)).as("request %d", i).isEqualTo(CLEAN);
        }
    }

    /** A handler taints its thread, then waits: what the library starts on that thread is clean nevertheless. */
    @Test
    void aHandlerSeesNothingOfTheOneOnWhoseThreadTheLoopWasHandedOver() throws Exception {
        if (variant.mode() == Mode.INLINE) {
            return; // there are no other threads
        }
        Listening server = own.serve(connection -> {
            char request = (char) connection.reader().readByte();
            if (request == 't') {
                taint();
                connection.reader().readByte(); // waits
                TENANT.remove();
                Thread.currentThread().setContextClassLoader(ClassLoader.getSystemClassLoader());
            } else if (request == 'w') {
                dev.netpoll.internal.connection.Paces.proveShort(connection);
            }
            tell(connection);
        });
        RawPeer other = own.connectRaw(server.address());
        for (int round = 0; round < 20; round++) {
            RawPeer tainting = own.connectRaw(server.address());
            if (variant.mode() == Mode.ADAPTIVE) {
                other.send("w").receiveText(1);
            }
            tainting.send("t");
            for (int i = 0; i < 3; i++) {
                assertThat(other.send("x").receiveText(1)).as("round %d", round).isEqualTo(CLEAN);
            }
            tainting.send("y").receiveText(1);
            assertThat(other.send("x").receiveText(1))
                    .as("after round %d", round)
                    .isEqualTo(CLEAN);
        }
    }
}
