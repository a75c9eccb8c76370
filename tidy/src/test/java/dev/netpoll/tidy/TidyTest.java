// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.tidy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The rules of STYLE.md that a machine can check, over the sources of every module. */
class TidyTest {
    @Test
    void theRepositoryIsTidy() throws IOException {
        assertThat(Tidy.check(Path.of(System.getProperty("netpoll.root")))).isEmpty();
    }
}
