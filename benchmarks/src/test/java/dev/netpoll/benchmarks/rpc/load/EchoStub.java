// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/** An echo server that can be told to behave badly. */
final class EchoStub implements AutoCloseable {
    /** What it does with requests. */
    enum Manner {
        ECHO,
        SHORTEN,
        WRONG_NUMBER,
        WRONG_LAST_BYTE,
        TWICE,
        SILENT,
        DIE
    }

    private final ServerSocket listener;
    private final Queue<Socket> sockets = new ConcurrentLinkedQueue<>();
    private final AtomicLong requests = new AtomicLong();
    private final AtomicInteger pipelined = new AtomicInteger();
    private volatile long stalledUntil = System.nanoTime();
    private volatile Manner manner = Manner.ECHO;

    EchoStub() throws IOException {
        listener = new ServerSocket(0, 1024, InetAddress.getLoopbackAddress());
        Thread.ofPlatform().daemon().name("stub").start(this::accept);
    }

    int port() {
        return listener.getLocalPort();
    }

    /** From now on. */
    void behave(Manner manner) {
        this.manner = manner;
    }

    /** Answers nobody for a while; returns at once. */
    void stall(long millis) {
        stalledUntil = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    }

    private void awaitStall() {
        for (long left = stalledUntil - System.nanoTime(); left > 0; left = stalledUntil - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    long requests() {
        return requests.get();
    }

    /** {@return how often a request was followed by another one at once} */
    int pipelined() {
        return pipelined.get();
    }

    int connections() {
        return sockets.size();
    }

    private void accept() {
        try {
            while (true) {
                Socket socket = listener.accept();
                socket.setTcpNoDelay(true);
                sockets.add(socket);
                Thread.ofVirtual().start(() -> serve(socket));
            }
        } catch (IOException _) {
            // It was closed.
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            DataInputStream in = new DataInputStream(new BufferedInputStream(socket.getInputStream(), 1 << 16));
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            while (true) {
                byte[] payload = new byte[in.readInt()];
                in.readFully(payload);
                requests.incrementAndGet();
                if (in.available() > 0) {
                    pipelined.incrementAndGet();
                }
                awaitStall();
                answer(payload, out);
            }
        } catch (IOException _) {
            // The peer is done, or this is.
        }
    }

    private void answer(byte[] payload, DataOutputStream out) throws IOException {
        if (payload.length >= Wire.MARKED_PAYLOAD_MIN && payload[0] != Wire.PLAIN) {
            LockSupport.parkNanos(ByteBuffer.wrap(payload).getInt(Wire.MICROS_AT) * 1000L);
        }
        byte[] answer = payload;
        switch (manner) {
            case ECHO, TWICE -> {}
            case SHORTEN -> answer = new byte[payload.length - 1];
            case WRONG_NUMBER -> answer[Wire.NUMBER_AT + 7] ^= 1;
            case WRONG_LAST_BYTE -> answer[answer.length - 1] ^= 1;
            case SILENT -> {
                return;
            }
            case DIE -> {
                close();
                return;
            }
        }
        ByteBuffer frame = ByteBuffer.allocate(Wire.HEADER_BYTES + answer.length);
        out.write(frame.putInt(answer.length).put(answer).array());
        if (manner == Manner.TWICE) {
            out.write(frame.array());
        }
    }

    @Override
    public void close() {
        try {
            listener.close();
            for (Socket socket : sockets) {
                socket.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
