// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.Connection;
import dev.netpoll.Dialer;
import dev.netpoll.Framing;
import dev.netpoll.Protocol;
import dev.netpoll.Server;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Reader;
import dev.netpoll.buffer.StreamReader;
import dev.netpoll.buffer.StreamWriter;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** The code that the API documentation shows: its {@code @snippet} tags name the regions of this file. */
final class Snippets {
    private Snippets() {}

    /** {@return a server that answers each frame with the same frame} */
    static Server server(SocketAddress address) throws IOException {
        // @start region="server"
        Server server = Server.builder()
                .framing(Framing.lengthField(0, Integer.BYTES)) // the handler runs once for each whole message
                .onRequest(connection -> {
                    Reader in = connection.reader();
                    int length = in.readInt();
                    byte[] message = in.readBytes(length);
                    connection.writer().writeInt(length).writeBytes(message).flush();
                })
                .idleTimeout(Duration.ofMinutes(1))
                .build();
        server.listen(address);
        // @end
        return server;
    }

    /** {@return the answer of a server that answers frames} */
    static String dialer(SocketAddress server) throws IOException {
        // @start region="dialer"
        Dialer dialer = Dialer.builder()
                .connectTimeout(Duration.ofSeconds(2))
                .readTimeout(Duration.ofSeconds(5))
                .build();
        try (Connection connection = dialer.dial(server)) {
            connection.writer().writeInt(5).writeUtf8("hello").flush();
            Reader in = connection.reader();
            return in.readUtf8(in.readLength(1 << 20)); // an IOException if the peer sends a greater length
        }
        // @end
    }

    /** A request handler that answers each frame with the same frame. */
    static void connection(Connection connection) throws IOException {
        // @start region="connection"
        Reader in = connection.reader();
        int length = in.readLength(1 << 20); // waits for four bytes
        try (LinkBuffer message = in.slice(length)) { // waits for the rest, and copies nothing
            connection.writer().writeInt(length).append(message).flush();
        }
        // @end
    }

    /** {@return a protocol that answers each frame with the same frame} */
    static Protocol protocol() {
        // @start region="protocol"
        Protocol echo = Protocol.builder()
                .framing(Framing.lengthField(0, Integer.BYTES))
                .onRequest(connection -> {
                    int length = connection.reader().readInt();
                    byte[] payload = connection.reader().readBytes(length);
                    connection.writer().writeInt(length).writeBytes(payload).flush();
                })
                .build();
        Server server = Server.builder().protocol(echo).build();
        Dialer dialer = Dialer.builder().protocol(echo).build();
        // @end
        assert server.addresses().isEmpty() && dialer != null;
        return echo;
    }

    /** {@return the text that went through a buffer} */
    static String linkBuffer() throws IOException {
        // @start region="link-buffer"
        try (LinkBuffer message = new LinkBuffer()) {
            message.writeInt(5).writeUtf8("hello"); // pending
            message.flush(); // readable
            return message.readUtf8(message.readInt());
        }
        // @end
    }

    /** {@return a name, which a length precedes} */
    static String readLength(Reader in) throws IOException {
        // @start region="read-length"
        String name = in.readUtf8(in.readLength(256));
        // @end
        return name;
    }

    /** {@return the number of bytes of the first line, and of the block behind it} */
    static long streamReader(Path path) throws IOException {
        // @start region="stream-reader"
        try (StreamReader in = StreamReader.of(Files.newByteChannel(path))) {
            byte[] line = in.readUntil((byte) '\n');
            try (LinkBuffer rest = in.slice(in.readInt())) { // stays valid when the reader is closed
                return line.length + rest.readableBytes();
            }
        }
        // @end
    }

    /** Writes a length and a text, and closes the channel. */
    static void streamWriter(WritableByteChannel channel) throws IOException {
        // @start region="stream-writer"
        try (StreamWriter out = StreamWriter.of(channel)) {
            out.writeInt(5).writeUtf8("hello");
            out.flush();
        }
        // @end
    }
}
