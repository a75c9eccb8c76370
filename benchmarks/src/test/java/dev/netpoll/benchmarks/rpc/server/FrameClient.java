// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.util.List;

/** A connection that sends frames, and bytes that are none. */
final class FrameClient implements AutoCloseable {
    private static final int TIMEOUT_MILLIS = 15_000;

    private final Socket socket;
    private final DataInputStream in;
    private final DataOutputStream out;

    FrameClient(int port) throws IOException {
        socket = new Socket(InetAddress.getLoopbackAddress(), port);
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(TIMEOUT_MILLIS);
        in = new DataInputStream(socket.getInputStream());
        out = new DataOutputStream(socket.getOutputStream());
    }

    /** {@return the bytes of frames with these payloads} */
    static byte[] frames(List<byte[]> payloads) {
        ByteBuffer all = ByteBuffer.allocate(
                payloads.stream().mapToInt(it -> Integer.BYTES + it.length).sum());
        payloads.forEach(it -> all.putInt(it.length).put(it));
        return all.array();
    }

    void send(byte[] bytes) throws IOException {
        out.write(bytes);
    }

    void send(byte[] bytes, int from, int to) throws IOException {
        out.write(bytes, from, to - from);
    }

    byte[] receive() throws IOException {
        byte[] payload = new byte[in.readInt()];
        in.readFully(payload);
        return payload;
    }

    byte[] call(byte[] payload) throws IOException {
        send(frames(List.of(payload)));
        return receive();
    }

    /** {@return whether the connection has ended} Waits for something to arrive. */
    boolean isEnded() {
        try {
            return in.read() < 0;
        } catch (SocketTimeoutException e) {
            return false;
        } catch (IOException e) {
            return true; // a reset is an end too
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
