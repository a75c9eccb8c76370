// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Many peers of an echo server that always send at once, so that its loop has much to do in each turn. */
@SuppressWarnings({"NonAtomicVolatileUpdate", "ThreadPriorityCheck"}) // one writer
public final class Crowd implements AutoCloseable {
    private static final int PEERS = 64;

    private final List<RawPeer> peers = new ArrayList<>();
    private final Background<Void> talk;
    private volatile long exchanges;
    private volatile boolean ends;

    /** Connects the peers and has them talk. */
    public Crowd(SocketAddress server) throws IOException {
        for (int i = 0; i < PEERS; i++) {
            peers.add(RawPeer.connect(server, 0));
        }
        talk = Background.runOnPlatformThread(this::talk);
    }

    private void talk() throws IOException {
        ByteBuffer ping = ByteBuffer.allocateDirect(1);
        ByteBuffer pong = ByteBuffer.allocateDirect(1 << 10);
        while (!ends) {
            for (RawPeer peer : peers) {
                peer.channel().write(ping.clear());
            }
            int answers = 0;
            for (RawPeer peer : peers) {
                answers += Math.max(0, peer.channel().read(pong.clear()));
            }
            exchanges += answers;
            if (answers == 0) {
                Thread.yield();
            }
        }
    }

    /** Waits until the server has answered often. */
    public Crowd awaitTalk() {
        long begin = exchanges;
        Await.until("the crowd is served", () -> exchanges - begin > 20 * PEERS);
        return this;
    }

    /** {@return how many answers came so far} */
    public long exchanges() {
        return exchanges;
    }

    @Override
    public void close() throws IOException {
        ends = true;
        try {
            talk.result();
        } finally {
            for (RawPeer peer : peers) {
                peer.close();
            }
        }
    }
}
