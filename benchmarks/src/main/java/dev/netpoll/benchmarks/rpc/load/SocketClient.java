// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketAddress;
import java.time.Duration;

/**
 * The JDK's {@link Socket} with buffered streams. Without its read time-out, which on a virtual thread sets and cancels
 * a timer for every read and costs more than the read: {@link ClientRun} closes what takes too long.
 */
final class SocketClient implements Client {
    private final SocketAddress address;
    private final int timeoutMillis;

    SocketClient(SocketAddress address, Duration timeout) {
        this.address = address;
        timeoutMillis = Math.toIntExact(timeout.toMillis());
    }

    @Override
    public Call connect() throws IOException {
        Socket socket = new Socket();
        try {
            socket.setTcpNoDelay(true);
            socket.connect(address, timeoutMillis);
            return new SocketCall(socket);
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    @Override
    public void close() {
        // Sockets share nothing.
    }

    private static final class SocketCall implements Call {
        private final Socket socket;
        private final DataInputStream in;
        private final DataOutputStream out;

        SocketCall(Socket socket) throws IOException {
            this.socket = socket;
            in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
            out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream(), 8192));
        }

        @Override
        public int call(byte[] request, byte[] answer) throws IOException {
            out.writeInt(request.length);
            out.write(request);
            out.flush();
            int length = Client.checkLength(in.readInt(), answer);
            in.readFully(answer, 0, length);
            return length;
        }

        @Override
        public void close() {
            try {
                socket.close();
            } catch (IOException _) {
                // It is closed all the same.
            }
        }
    }
}
