// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults.scenario;

import java.io.IOException;
import java.io.InputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;

/** The other end of a connection: a socket of the JDK, in blocking style, that is never left waiting for ever. */
final class Peer implements AutoCloseable {
    /** What came of waiting for bytes. */
    enum Outcome {
        /** All came. */
        ALL,
        /** The stream ended or broke before. */
        ENDED
    }

    private static final int SETUP_MILLIS = 30_000;

    private final Socket socket;

    private Peer(Socket socket) throws IOException {
        this.socket = socket;
        socket.setTcpNoDelay(true);
        socket.setSoTimeout((int) Rig.PATIENCE.toMillis());
    }

    static Peer connect(SocketAddress address, int receiveBuffer) throws IOException {
        Socket socket = new Socket();
        if (receiveBuffer > 0) {
            socket.setOption(StandardSocketOptions.SO_RCVBUF, receiveBuffer);
        }
        socket.connect(address);
        return new Peer(socket);
    }

    static Peer accept(ServerSocket listener) throws IOException {
        listener.setSoTimeout((int) Rig.PATIENCE.toMillis());
        return new Peer(listener.accept());
    }

    /** Sends a request. */
    void ask(int what, int argument) throws IOException {
        socket.getOutputStream().write(Protocol.request(what, argument));
    }

    /** Asks for an echo before anything fails, when classes may still be loaded. */
    void greet() throws IOException {
        socket.setSoTimeout(SETUP_MILLIS);
        if (echo() != Outcome.ALL) {
            throw new IOException("no echo");
        }
        socket.setSoTimeout((int) Rig.PATIENCE.toMillis());
    }

    /** Asks for an echo; {@return what came of it} */
    Outcome echo() {
        try {
            ask(Protocol.ECHO, 0);
        } catch (IOException broken) {
            return Outcome.ENDED;
        }
        return await(Protocol.request(Protocol.ECHO, 0));
    }

    /** Waits for these bytes. */
    Outcome await(byte[] expected) {
        byte[] buffer = new byte[Math.min(expected.length, 1 << 16)];
        int got = 0;
        try {
            InputStream in = socket.getInputStream();
            while (got < expected.length) {
                int count = in.read(buffer, 0, Math.min(buffer.length, expected.length - got));
                if (count < 0) {
                    return Outcome.ENDED;
                }
                for (int i = 0; i < count; i++) {
                    if (buffer[i] != expected[got + i]) {
                        throw new AssertionError("wrong bytes came");
                    }
                }
                got += count;
            }
            return Outcome.ALL;
        } catch (SocketTimeoutException silence) {
            throw new AssertionError("silence: the peer neither gets its bytes nor the end", silence);
        } catch (IOException broken) {
            return Outcome.ENDED;
        }
    }

    /** Waits for the end of the stream; {@return whether it came, without a byte before} */
    boolean awaitEnd() {
        try {
            return socket.getInputStream().read() < 0;
        } catch (SocketTimeoutException silence) {
            throw new AssertionError("silence: the peer is not told the end", silence);
        } catch (IOException broken) {
            return true;
        }
    }

    void send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
    }

    void finish() throws IOException {
        socket.shutdownOutput();
    }

    void reset() throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException ignored) {
            // closed it is
        }
    }
}
