// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Server;
import dev.netpoll.buffer.LinkBuffer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The code in the API documentation does what it shows. */
class SnippetsTest {
    private static final SocketAddress FREE = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    @Test
    void theDialerGetsTheServersAnswer() throws IOException {
        try (Server server = Snippets.server(FREE)) {
            assertThat(Snippets.dialer(server.addresses().getFirst())).isEqualTo("hello");
        }
    }

    @Test
    void theHandlerOfAConnectionAnswers() throws IOException {
        try (Server server = Server.builder().onRequest(Snippets::connection).build()) {
            assertThat(Snippets.dialer(server.listen(FREE))).isEqualTo("hello");
        }
    }

    @Test
    void aProtocolServes() throws IOException {
        try (Server server = Server.builder().protocol(Snippets.protocol()).build()) {
            assertThat(Snippets.dialer(server.listen(FREE))).isEqualTo("hello");
        }
    }

    @Test
    void buffersReturnWhatWasWritten() throws IOException {
        assertThat(Snippets.linkBuffer()).isEqualTo("hello");
        try (LinkBuffer in = new LinkBuffer()) {
            in.writeInt(4).writeUtf8("name").flush();
            assertThat(Snippets.readLength(in)).isEqualTo("name");
        }
    }

    @Test
    void streamsReadAndWriteFiles(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("file");
        Files.write(file, "a line\n".getBytes(US_ASCII));
        Snippets.streamWriter(FileChannel.open(file, StandardOpenOption.APPEND));
        assertThat(Snippets.streamReader(file)).isEqualTo(12);
    }
}
