// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.Backend;
import dev.netpoll.conformance.wrapped.Wrapping;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.ArgumentsProvider;
import org.junit.jupiter.params.support.ParameterDeclarations;

/**
 * Lists the variants of a test class: what {@link Variants} says, or else fifteen: over IPv6, which differs from
 * IPv4 in its addresses only, handlers are dispatched one way; so they are over Unix sockets, as loops do not know the
 * difference. With {@code -Dnetpoll.test.wrapped=epoll} they are those of that backend, each on the wrapped one.
 */
public final class VariantSource implements ArgumentsProvider {
    /** Narrows a run by hand: {@code -Dnetpoll.test.backend=io_uring}. */
    private static final @Nullable String ONLY = System.getProperty("netpoll.test.backend");

    /**
     * Which of the variants: {@code part}, the fifteen; {@code rest}, the others of classes that are not narrowed; or
     * {@code full}.
     */
    private static final String MATRIX = System.getProperty("netpoll.test.matrix", "part");

    @Override
    public Stream<? extends Arguments> provideArguments(ParameterDeclarations parameters, ExtensionContext context) {
        Variants chosen = context.getRequiredTestClass().getAnnotation(Variants.class);
        Variants variants = chosen == null ? All.class.getAnnotation(Variants.class) : chosen;
        List<Backend> backends = Stream.of(variants.backends()).map(Backend::of).toList();
        if (ONLY != null && backends.stream().anyMatch(VariantSource::isOnly)) {
            backends = backends.stream().filter(VariantSource::isOnly).toList();
        }
        if (Wrapping.isAsked()) {
            backends = backends.stream()
                    .filter(Wrapping::isAskedFor)
                    .map(Wrapping::around)
                    .toList();
        }
        return backends.stream()
                .flatMap(backend -> Stream.of(variants.transports())
                        .flatMap(transport -> Stream.of(variants.modes())
                                .filter(mode -> isAsked(chosen != null, transport, mode))
                                .map(mode -> Arguments.of(new Variant(backend, transport, mode)))));
    }

    private static boolean isAsked(boolean narrowed, Transport transport, Mode mode) {
        boolean part = narrowed || mode == Mode.ADAPTIVE || transport == Transport.TCP4;
        return switch (MATRIX) {
            case "full" -> true;
            case "rest" -> !part;
            default -> part;
        };
    }

    private static boolean isOnly(Backend backend) {
        return backend.name().equalsIgnoreCase(ONLY);
    }

    @Variants
    private static final class All {}
}
