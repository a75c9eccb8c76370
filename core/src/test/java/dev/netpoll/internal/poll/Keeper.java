// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.transport.TransportEvents;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** Remembers what a transport reported, and may keep the memory of what it received, so that none is used again. */
final class Keeper implements TransportEvents {
    final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    boolean connected;
    boolean peerFinished;
    int errno;

    private final List<Block> kept = new ArrayList<>();
    private boolean keeps;

    /** Makes one that keeps the memory until {@link #free}. */
    static Keeper keeping() {
        Keeper keeper = new Keeper();
        keeper.keeps = true;
        return keeper;
    }

    @Override
    public void connected() {
        connected = true;
    }

    @Override
    public void received(Segment segments) {
        check(!peerFinished, "received");
        for (Segment s = segments; s != null; s = s.next) {
            if (keeps) {
                s.block.retain();
                kept.add(s.block);
            }
            bytes.writeBytes(s.memory.asSlice(s.start, s.length()).toArray(ValueLayout.JAVA_BYTE));
        }
        Segment.freeAll(segments);
    }

    @Override
    public void peerFinished() {
        check(!peerFinished, "peerFinished");
        peerFinished = true;
    }

    @Override
    public void peerGone() {
        check(!peerFinished, "peerGone");
    }

    @Override
    public void sent(long count, boolean drained) {
        check(count >= 0, "sent");
    }

    @Override
    public void failed(int number) {
        check(number > 0, "failed");
        errno = number;
    }

    private void check(boolean expected, String event) {
        if (!expected || errno != 0) {
            throw new AssertionError("unexpected " + event + " after " + this);
        }
    }

    int received() {
        return bytes.size();
    }

    /** Gives the memory back, and keeps none from now on. */
    void free() {
        keeps = false;
        kept.forEach(Block::release);
        kept.clear();
    }

    @Override
    public String toString() {
        return "[connected=" + connected + " received=" + received() + " peerFinished=" + peerFinished + " errno="
                + errno + "]";
    }
}
