// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import dev.netpoll.internal.poll.epoll.EpollMechanism;
import dev.netpoll.internal.poll.nio.NioMechanism;
import dev.netpoll.internal.poll.uring.Rings;
import dev.netpoll.internal.poll.uring.UringMechanism;
import dev.netpoll.testkit.NetworkFaults;
import dev.netpoll.testkit.internal.MemoryNetwork;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** A backend and an address family: what every contract test runs with. */
public record Variant(Mechanism backend, Family family) {
    public enum Family {
        TCP4,
        TCP6,
        UNIX
    }

    /** The reasons that were told already: each concerns every class. */
    private static final Set<String> TOLD = ConcurrentHashMap.newKeySet();

    /** All that this machine has. */
    public static Stream<Variant> all() {
        List<Mechanism> backends = new ArrayList<>(List.of(new NioMechanism()));
        String reason = EpollMechanism.unavailableReason();
        if (reason == null) {
            backends.addFirst(new EpollMechanism());
        } else {
            tell(reason);
        }
        String noRing = UringMechanism.unavailableReason();
        if (noRing == null) {
            backends.add(new UringMechanism());
        } else {
            tell(noRing);
        }
        Stream<Variant> real =
                backends.stream().flatMap(b -> Stream.of(Family.values()).map(f -> new Variant(b, f)));
        Stream<Variant> unusual = noRing != null
                ? Stream.of()
                : Stream.of(
                        new Variant(Rings.tiny(), Family.TCP4),
                        new Variant(Rings.tiny(), Family.UNIX),
                        new Variant(Rings.old(), Family.TCP4));
        Variant memory = new Variant(new MemoryNetwork(1, NetworkFaults.none()), Family.TCP4);
        return Stream.of(real, unusual, Stream.of(memory)).flatMap(variants -> variants);
    }

    private static void tell(String reason) {
        if (TOLD.add(reason)) {
            System.out.println("skipped: " + reason);
        }
    }

    /** Those of {@link #all} with Unix sockets. */
    public static Stream<Variant> unix() {
        return all().filter(variant -> !variant.isTcp());
    }

    /** Skips the running test unless it makes sense here, and says so. */
    void assume(boolean sensible, String why) {
        if (!sensible) {
            System.out.println("not run with " + this + ": " + why);
        }
        Assumptions.assumeTrue(sensible, why);
    }

    /** It speaks to the kernel itself. */
    boolean isNative() {
        return isReal() && !backend.name().equals("nio");
    }

    /** A kernel is involved, with its descriptors, and its buffers of unknown size. */
    boolean isReal() {
        return !backend.name().equals("memory");
    }

    boolean isTcp() {
        return family != Family.UNIX;
    }

    /** An address to listen on that nobody uses. */
    SocketAddress freshAddress() {
        return switch (family) {
            case TCP4 -> new InetSocketAddress(address(new byte[] {127, 0, 0, 1}), 0);
            case TCP6 -> new InetSocketAddress(address(new byte[] {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}), 0);
            case UNIX -> UnixDomainSocketAddress.of(freshPath());
        };
    }

    static Path freshPath() {
        try {
            Path directory = Files.createTempDirectory("netpoll");
            directory.toFile().deleteOnExit();
            return directory.resolve("socket");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static InetAddress address(byte[] bytes) {
        try {
            return InetAddress.getByAddress(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String toString() {
        return backend.name() + " " + family;
    }
}
