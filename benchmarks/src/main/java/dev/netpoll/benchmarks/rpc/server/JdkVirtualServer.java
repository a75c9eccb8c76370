// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.InetSocketAddress;
import java.net.ProtocolException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteOrder;
import java.util.Arrays;

/** The JDK's sockets with a virtual thread for each connection. */
final class JdkVirtualServer implements EchoServer {
    @Override
    public int start(InetSocketAddress address, int payloadBytesMax) throws IOException {
        ServerSocket listener = new ServerSocket();
        listener.bind(address, BACKLOG);
        Thread.ofPlatform().name("accept").start(() -> accept(listener, payloadBytesMax));
        return listener.getLocalPort();
    }

    private static void accept(ServerSocket listener, int payloadBytesMax) {
        try {
            while (true) {
                Socket socket = listener.accept();
                Thread.startVirtualThread(() -> serve(socket, payloadBytesMax));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void serve(Socket socket, int payloadBytesMax) {
        try (socket) {
            socket.setTcpNoDelay(true);
            new Conversation(socket, payloadBytesMax).run();
        } catch (IOException e) {
            // the peer is gone, or does not keep to the format
        }
    }

    /** Buffers that suit frames better than buffered streams do: answers that are ready together share a write. */
    private static final class Conversation {
        private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

        private static final int BYTES_MIN = 4 << 10;

        /** A longer payload is sent from where it was received. */
        private static final int COPIED_BYTES_MAX = 16 << 10;

        private final InputStream in;
        private final OutputStream out;
        private final int payloadBytesMax;
        private byte[] received = new byte[BYTES_MIN];
        private byte[] answers = new byte[BYTES_MIN]; // as long, so that the answers to all that was received fit
        private int answerBytes;

        Conversation(Socket socket, int payloadBytesMax) throws IOException {
            in = socket.getInputStream();
            out = socket.getOutputStream();
            this.payloadBytesMax = payloadBytesMax;
        }

        void run() throws IOException {
            int filled = 0;
            while (true) {
                int count = in.read(received, filled, received.length - filled);
                if (count < 0) {
                    return;
                }
                filled += count;
                int answered = answerComplete(filled);
                flush();
                filled -= answered;
                System.arraycopy(received, answered, received, 0, filled);
                makeRoom(filled);
            }
        }

        /** {@return where the first incomplete frame begins} */
        private int answerComplete(int filled) throws IOException {
            int at = 0;
            while (filled - at >= Integer.BYTES) {
                int length = lengthAt(at);
                if (filled - at - Integer.BYTES < length) {
                    break;
                }
                answer(at + Integer.BYTES, length);
                at += Integer.BYTES + length;
            }
            return at;
        }

        private void answer(int payload, int length) throws IOException {
            if (length > 0 && Work.isMark(length, received[payload])) {
                flush();
                Work.perform(received[payload], (int) INT.get(received, payload + 1));
            }
            if (length > COPIED_BYTES_MAX) {
                flush();
                INT.set(received, payload - Integer.BYTES, length);
                out.write(received, payload - Integer.BYTES, Integer.BYTES + length);
                return;
            }
            INT.set(answers, answerBytes, length);
            System.arraycopy(received, payload, answers, answerBytes + Integer.BYTES, length);
            answerBytes += Integer.BYTES + length;
        }

        private void flush() throws IOException {
            if (answerBytes > 0) {
                out.write(answers, 0, answerBytes);
                answerBytes = 0;
            }
        }

        private void makeRoom(int filled) throws IOException {
            if (filled >= Integer.BYTES) {
                int frame = Integer.BYTES + lengthAt(0);
                if (frame > received.length) {
                    received = Arrays.copyOf(received, frame);
                    answers = new byte[frame];
                }
            }
        }

        private int lengthAt(int at) throws ProtocolException {
            int length = (int) INT.get(received, at);
            if (length < 0 || length > payloadBytesMax) {
                throw new ProtocolException("a frame of " + Integer.toUnsignedString(length) + " bytes");
            }
            return length;
        }
    }
}
