// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import dev.netpoll.Backend;
import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Dialer;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.buffer.Reader;
import dev.netpoll.buffer.Writer;
import java.io.IOException;
import java.net.SocketAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Netpoll with its defaults, but for the backend, and a read time-out; callers read and write in blocking style. */
final class NetpollClient implements Client {
    private final SocketAddress address;
    private final EventLoopGroup group;
    private final Dialer dialer;

    NetpollClient(SocketAddress address, Duration timeout, Backend backend) {
        this.address = address;
        group = EventLoopGroup.builder().backend(backend).build();
        dialer = Dialer.builder()
                .group(group)
                .connectTimeout(timeout)
                .options(ConnectionOptions.builder().readTimeout(timeout).build())
                .build();
    }

    /** {@return why it cannot run here on this backend, or null if it can} */
    static @Nullable Throwable unavailabilityCause(Backend backend) {
        try (EventLoopGroup _ = EventLoopGroup.builder().backend(backend).build()) {
            return null;
        } catch (UnsupportedOperationException e) {
            return e;
        }
    }

    @Override
    public Call connect() throws IOException {
        return new NetpollCall(dialer.dial(address));
    }

    @Override
    public void close() {
        group.close();
    }

    private static final class NetpollCall implements Call {
        private final Connection connection;
        private final Reader reader;
        private final Writer writer;

        NetpollCall(Connection connection) {
            this.connection = connection;
            reader = connection.reader();
            writer = connection.writer();
        }

        @Override
        public int call(byte[] request, byte[] answer) throws IOException {
            writer.writeInt(request.length).writeBytes(request).flush();
            int length = Client.checkLength(reader.readInt(), answer);
            reader.readBytes(answer, 0, length);
            reader.release();
            return length;
        }

        @Override
        public void close() {
            connection.close();
        }
    }
}
