// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import dev.netpoll.EventLoopGroup;
import dev.netpoll.conformance.support.Harness;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variant;
import dev.netpoll.conformance.support.VariantSource;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ArgumentsSource;
import org.opentest4j.TestAbortedException;

/**
 * Runs the tests of a class once for each variant, on an event loop group of the variant's own. A variant that this
 * machine cannot run is aborted, and says why.
 */
@ParameterizedClass(name = "{0}", allowZeroInvocations = true)
@ArgumentsSource(VariantSource.class)
@ExtendWith(LeakCheck.class)
abstract class ConformanceTest {
    private static final int LOOPS = 2;

    /** The reasons that were told already: each concerns variants of every class. */
    private static final Set<String> TOLD = ConcurrentHashMap.newKeySet();

    private static EventLoopGroup group;
    private static Path directory;

    @Parameter
    Variant variant;

    Harness net;

    @BeforeParameterizedClassInvocation
    static void openGroup(Variant variant) throws IOException {
        requireTransport(variant);
        try {
            group = EventLoopGroup.builder()
                    .backend(variant.backend())
                    .loops(LOOPS)
                    .build();
        } catch (UnsupportedOperationException unsupported) {
            throw aborted(variant, unsupported.getMessage());
        }
        // Short: the path of a Unix socket has 107 characters at most.
        directory = Files.createTempDirectory("np");
    }

    @AfterParameterizedClassInvocation
    static void closeGroup() throws IOException {
        if (group != null) {
            group.close();
            group = null;
            Files.deleteIfExists(directory);
        }
    }

    @BeforeEach
    void openHarness() {
        net = new Harness(variant, group, directory);
    }

    @AfterEach
    void closeHarness() throws Exception {
        net.end();
    }

    private static void requireTransport(Variant variant) {
        if (variant.transport() != Transport.TCP6) {
            return;
        }
        try (ServerSocket probe = new ServerSocket(0, 1, InetAddress.getByAddress(Harness.ipv6Loopback()))) {
            probe.getLocalPort();
        } catch (IOException absent) {
            throw aborted(variant, "no IPv6 on this machine: " + absent.getMessage());
        }
    }

    private static TestAbortedException aborted(Variant variant, String reason) {
        if (TOLD.add(reason)) {
            System.out.println(variant + " and others like it are not run: " + reason);
        }
        return new TestAbortedException(variant + " cannot run here: " + reason);
    }
}
