// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.soak;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.DetachedSocket;
import dev.netpoll.PeerClosedException;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Reader;
import dev.netpoll.conformance.soak.Header.Deed;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;

/**
 * The server's side of one connection: checks and answers messages. Created when the connection is, and called by
 * whoever runs its handlers, one at a time.
 */
final class Responder {
    private final Soak soak;
    private final boolean mayBlock;

    private volatile long key; // written by handlers, read by who reports an error
    private volatile boolean known;
    private long received;
    private long answered;

    Responder(Soak soak, boolean mayBlock) {
        this.soak = soak;
        this.mayBlock = mayBlock;
    }

    /** {@return whether a message has said which stream this is} */
    boolean isKnown() {
        return known;
    }

    long key() {
        return key;
    }

    /** The request handler: answers what is there; with some messages it waits for the rest if it may. */
    void handle(Connection connection) throws IOException {
        Reader in = connection.reader();
        while (connection.isWritable() && in.readableBytes() >= Header.BYTES) {
            Header header = Header.of(in.peekBuffer(Header.BYTES));
            int whole = Header.BYTES + header.length();
            if (in.readableBytes() < whole && !(mayBlock && header.length() % 4 == 0)) {
                connection.demand(whole);
                return;
            }
            if (answer(connection, header)) {
                return;
            }
        }
        if (connection.isWritable() && in.readableBytes() > 0) {
            connection.demand(Header.BYTES);
        }
    }

    /** Answers one message. {@return whether the connection was detached} */
    private boolean answer(Connection connection, Header header) throws IOException {
        take(connection.reader(), header);
        before(connection, header);
        for (int i = 0; i < header.times(); i++) {
            Header answer = header.part(answered);
            connection.writer().writeBytes(answer.toBytes());
            int from = Content.offset(answer.key(), answered);
            if (header.length() % 3 == 0) {
                connection
                        .writer()
                        .writeDirect(MemorySegment.ofArray(Content.array()).asSlice(from, header.length()));
            } else {
                connection.writer().writeBytes(Content.array(), from, header.length());
            }
            answered += header.length();
            // On a loop a second flush would have to wait for the first.
            if ((mayBlock && header.millis() % 2 == 0) || i == header.times() - 1) {
                connection.writer().flush();
            }
        }
        return header.deed() == Deed.DETACH && detach(connection);
    }

    private void take(Reader in, Header header) throws IOException {
        if ((known && header.key() != key) || header.position() != received) {
            throw new AssertionError("after %d bytes of stream %x came %s".formatted(received, key, header));
        }
        key = header.key();
        known = true;
        in.skip(Header.BYTES);
        byte[] bytes;
        switch (header.length() % 5) {
            case 0 -> {
                try (LinkBuffer slice = in.slice(header.length())) {
                    bytes = slice.readBytes(header.length());
                }
            }
            case 1 -> {
                bytes = new byte[header.length()];
                in.nextBuffer(header.length()).get(bytes);
            }
            default -> bytes = in.readBytes(header.length());
        }
        Content.check(bytes, bytes.length, key, received);
        received += bytes.length;
    }

    private void before(Connection connection, Header header) {
        if (header.deed() == Deed.BLOCK && mayBlock) {
            soak.tally().blocks.increment();
            pass(header.millis());
        } else if (header.deed() == Deed.PAUSE) {
            soak.tally().pauses.increment();
            connection.pauseReading();
            soak.start(() -> {
                pass(header.millis());
                Trouble.insist(connection::resumeReading);
            });
        }
    }

    /** Lets time pass. */
    static void pass(int millis) {
        Await.within(Duration.ofMillis(millis), () -> false);
    }

    private boolean detach(Connection connection) throws IOException {
        ConnectionOptions options =
                ConnectionOptions.builder().readTimeout(Soak.PATIENCE).build();
        DetachedSocket socket;
        try {
            socket = connection.detach();
        } catch (IllegalStateException outputOnItsWay) {
            if (mayBlock) {
                throw outputOnItsWay;
            }
            return false;
        }
        Connection again;
        try {
            again = soak.group().adopt(socket, options);
        } catch (IOException | Error failed) {
            Trouble.insist(socket::close);
            throw failed;
        }
        soak.tally().detaches.increment();
        Responder after = new Responder(soak, true);
        after.key = key;
        after.known = true;
        after.received = received;
        after.answered = answered;
        soak.start(() -> after.serve(again));
        return true;
    }

    /** Answers up to the end of the stream, in blocking style. */
    private void serve(Connection connection) {
        try {
            while (true) {
                Header header;
                try {
                    header = Header.of(connection.reader().peekBuffer(Header.BYTES));
                } catch (PeerClosedException ended) {
                    if (connection.reader().readableBytes() > 0) {
                        throw ended;
                    }
                    return;
                }
                if (answer(connection, header)) {
                    return;
                }
                connection.reader().release();
            }
        } catch (IOException | RuntimeException | Error failure) {
            soak.serverFailed(this, failure);
        } finally {
            Trouble.insist(connection::close);
        }
    }
}
