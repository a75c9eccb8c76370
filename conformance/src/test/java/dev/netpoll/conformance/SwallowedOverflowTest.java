// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.conformance.support.ChildJvm;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.SwallowingMain;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * A handler swallows the end of its stack inside a flush and flushes again, a frame higher. A JVM that interprets all,
 * as each does at first, meets the end at more places than one that has compiled them; so it is a JVM of its own.
 */
@Variants(
        transports = Transport.TCP4,
        modes = {Mode.INLINE, Mode.VIRTUAL})
class SwallowedOverflowTest extends ConformanceTest {
    @Test
    void theConnectionEndsAtOnce() throws Exception {
        Process child = new ProcessBuilder(ChildJvm.command(
                        List.of("-Xint"),
                        SwallowingMain.class,
                        variant.backend(),
                        variant.isInline(),
                        variant.isInline() ? 3000 : 200_000))
                .redirectErrorStream(true)
                .start();
        try {
            String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(said).endsWith("lingering 0\n");
        } finally {
            child.destroyForcibly();
            child.waitFor();
        }
    }
}
