// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import dev.netpoll.Backend;
import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Dispatch;
import dev.netpoll.DispatchStats;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Reader;
import dev.netpoll.buffer.Writer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetSocketAddress;
import java.net.ProtocolException;
import java.nio.ByteOrder;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Our server. Payloads are copied from the input to the output; long ones go over without a copy. */
final class NetpollServer implements EchoServer {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    /** Where sharing memory becomes cheaper than a copy. */
    private static final int COPIED_BYTES_MAX = 16 << 10;

    /** At how many bytes of answers nobody waits for more answers to share the flush. */
    private static final int FLUSH_BYTES = 64 << 10;

    private final Backend backend;
    private final Dispatch dispatch;
    private volatile @Nullable Server server;

    NetpollServer(Backend backend, Dispatch dispatch) {
        this.backend = backend;
        this.dispatch = dispatch;
    }

    @Override
    public int start(InetSocketAddress address, int payloadBytesMax) throws IOException {
        boolean inline = dispatch == Dispatch.inline();
        EventLoopGroup.Builder group = EventLoopGroup.builder().backend(backend);
        if (inline) {
            group.loops(Runtime.getRuntime().availableProcessors()); // there are no other threads
        }
        Frames frames = new Frames(payloadBytesMax);
        Server listening = Server.builder()
                .group(group.build())
                .dispatch(dispatch)
                .backlog(BACKLOG)
                .options(ConnectionOptions.builder()
                        .maxFrameLength(Integer.BYTES + payloadBytesMax)
                        .build())
                .onRequest(inline ? new Inline(frames) : new Blocking(frames))
                .build();
        server = listening;
        return ((InetSocketAddress) listening.listen(address)).getPort();
    }

    @Override
    public Map<String, Long> counters() {
        Server listening = server;
        if (listening == null || dispatch != Dispatch.adaptive()) {
            return Map.of();
        }
        DispatchStats stats = listening.dispatchStats();
        return Map.of(
                "loopRuns", stats.loopRuns(),
                "threadRuns", stats.threadRuns(),
                "reliefs", stats.reliefs(),
                "switches", stats.switches());
    }

    /** Takes what is complete, and asks to be run again when the next frame is. */
    private record Inline(Frames frames) implements ConnectionHandler {
        @Override
        public void handle(Connection connection) throws IOException {
            Reader in = connection.reader();
            Writer out = connection.writer();
            while (connection.isWritable() && frames.isNextComplete(in)) {
                frames.answer(in, out);
                if (out.pendingBytes() >= FLUSH_BYTES) {
                    out.flush();
                }
            }
            out.flush();
            if (connection.isWritable()) {
                connection.demand(frames.bytesOfNext(in));
            }
        }
    }

    /** Plain blocking style. Answers to frames that arrived together share a flush. */
    private record Blocking(Frames frames) implements ConnectionHandler {
        @Override
        public void handle(Connection connection) throws IOException {
            Reader in = connection.reader();
            Writer out = connection.writer();
            do {
                frames.answer(in, out);
                if (out.pendingBytes() >= FLUSH_BYTES || !frames.isNextComplete(in)) {
                    in.release(); // a run may be long
                    out.flush();
                }
            } while (in.readableBytes() > 0);
        }
    }

    /** The wire format. */
    private record Frames(int payloadBytesMax) {
        /** Reads a request, waiting for all of it, and writes its answer without flushing it. */
        void answer(Reader in, Writer out) throws IOException {
            int length = checked(in.readInt());
            if (length <= COPIED_BYTES_MAX) {
                MemorySegment payload = in.next(length);
                work(payload, length, out);
                out.writeInt(length).writeBytes(payload);
            } else {
                LinkBuffer payload = in.slice(length);
                work(payload.peek(Work.MARK_BYTES), length, out);
                out.writeInt(length).append(payload);
            }
        }

        /** An answer that is complete does not wait for the work of a later one. */
        private static void work(MemorySegment payload, int length, Writer out) throws IOException {
            if (length >= Work.MARK_BYTES) {
                byte first = payload.get(ValueLayout.JAVA_BYTE, 0);
                if (Work.isMark(length, first)) {
                    out.flush();
                    Work.perform(first, payload.get(INT, 1));
                }
            }
        }

        boolean isNextComplete(Reader in) throws IOException {
            long readable = in.readableBytes();
            return readable >= Integer.BYTES && readable - Integer.BYTES >= checked(announced(in));
        }

        int bytesOfNext(Reader in) throws IOException {
            return in.readableBytes() < Integer.BYTES ? Integer.BYTES : Integer.BYTES + checked(announced(in));
        }

        private static int announced(Reader in) throws IOException {
            return in.peek(Integer.BYTES).get(INT, 0);
        }

        private int checked(int length) throws ProtocolException {
            if (length < 0 || length > payloadBytesMax) {
                throw new ProtocolException("a frame of " + Integer.toUnsignedString(length) + " bytes");
            }
            return length;
        }
    }
}
