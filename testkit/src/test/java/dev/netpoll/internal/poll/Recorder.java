// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportEvents;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Remembers what a transport reported, and checks the order that the contract promises. */
class Recorder implements TransportEvents {
    final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    final List<Integer> deliveries = new ArrayList<>();
    boolean connected;
    boolean peerFinished;
    boolean peerGone;
    long sent;
    boolean drained;

    /** How often the kernel took nothing of what was gathered. */
    int refusals;

    int errno;

    /** Set once nothing may be reported any more. */
    boolean closed;

    @Override
    public void connected() {
        check(!connected && bytes.size() == 0 && !peerFinished, "connected");
        connected = true;
    }

    @Override
    public void received(Segment segments) {
        check(!peerFinished, "received");
        int total = 0;
        Segment next;
        for (Segment s = segments; s != null; s = next) {
            next = s.next;
            check(s.length() > 0, "empty segment");
            byte[] copy = s.memory.asSlice(s.start, s.length()).toArray(ValueLayout.JAVA_BYTE);
            bytes.writeBytes(copy);
            total += copy.length;
            s.free();
        }
        deliveries.add(total);
    }

    @Override
    public void peerFinished() {
        check(!peerFinished, "peerFinished");
        peerFinished = true;
    }

    @Override
    public void peerGone() {
        check(!peerGone && !peerFinished, "peerGone");
        peerGone = true;
    }

    @Override
    public void sent(long count, boolean all) {
        check(count >= 0, "sent less than nothing");
        refusals += count == 0 && !all ? 1 : 0;
        sent += count;
        drained = all;
    }

    @Override
    public void failed(int number) {
        check(number > 0, "failed");
        errno = number;
    }

    private void check(boolean expected, String event) {
        if (!expected || errno != 0 || closed) {
            throw new AssertionError("unexpected " + event + " after " + this);
        }
    }

    String text() {
        return bytes.toString(StandardCharsets.US_ASCII);
    }

    int received() {
        return bytes.size();
    }

    @Override
    public String toString() {
        return "[connected=" + connected + " received=" + deliveries + " peerFinished=" + peerFinished + " peerGone="
                + peerGone + " sent=" + sent + " drained=" + drained + " failed=" + Errno.name(errno) + " closed="
                + closed + "]";
    }
}
