// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Buffers need nothing but {@code java.base}: not the module of flight recordings, nor one for logging. */
class BareRuntimeTest {
    /** What runs there. */
    static final class Program {
        private Program() {}

        public static void main(String[] args) {
            assertThatThereIsNo("jdk.jfr");
            assertThatThereIsNo("java.logging");
            try (LinkBuffer buffer = new LinkBuffer()) {
                buffer.writeInt(5).writeUtf8("hello").flush();
                System.out.println(buffer.readUtf8(buffer.readInt()) + " "
                        + BufferMemory.stats().outstandingBlocks());
            }
        }

        private static void assertThatThereIsNo(String module) {
            if (ModuleLayer.boot().findModule(module).isPresent()) {
                throw new AssertionError("there is " + module);
            }
        }
    }

    @ParameterizedTest(name = "checked mode {0}")
    @ValueSource(strings = {"true", "false"})
    void buffersWorkInARuntimeWithoutFlightRecordings(String checked) throws Exception {
        String classes = Stream.of(LinkBuffer.class, Program.class)
                .map(type -> type.getProtectionDomain().getCodeSource().getLocation())
                .map(location -> Path.of(location.getPath()).toString())
                .collect(Collectors.joining(File.pathSeparator));
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "--limit-modules", "java.base"));
        command.addAll(List.of("-Ddev.netpoll.checked=" + checked, "-cp", classes, Program.class.getName()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        assertThat(output.lines().toList().getLast()).isEqualTo("hello 0");
    }
}
