// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.soak;

import dev.netpoll.conformance.soak.Scenario.End;
import dev.netpoll.conformance.soak.Scenario.Step;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The peer's side of one connection: a thread that sends what the scenario says, and one that checks the answers. The
 * first failure ends both, by closing the stream; so does whoever watches when a wait takes too long.
 */
final class Conversation {
    private final Soak soak;
    private final Scenario scenario;
    private final Semaphore window;
    private final CountDownLatch received = new CountDownLatch(1);

    private volatile @Nullable Stream stream;
    private volatile boolean broken; // by the scenario; set by the sender before it breaks the stream
    private volatile long progressNanos = System.nanoTime();
    private volatile String sending = "connecting";
    private volatile String receiving = "nothing yet";

    Conversation(Soak soak, Scenario scenario) {
        this.soak = soak;
        this.scenario = scenario;
        window = new Semaphore(scenario.window());
    }

    Scenario scenario() {
        return scenario;
    }

    /** {@return whether it waits for its peer} */
    boolean isLive() {
        return stream != null && received.getCount() > 0;
    }

    /** {@return since when nothing has moved} */
    long progressNanos() {
        return progressNanos;
    }

    @Override
    public String toString() {
        return scenario + "; sender: " + sending + "; receiver: " + receiving;
    }

    /** Connects, waits for the signal if there is one, and does it all. */
    void run(@Nullable CountDownLatch signal) {
        try (Stream opened = soak.connect(scenario)) {
            stream = opened;
            soak.tally().connections.increment();
            if (signal != null && !signal.await(Soak.PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError("no signal");
            }
            Thread receiver = soak.start(() -> receive(opened));
            send(opened);
            if (!received.await(2 * Soak.PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError("the receiver hangs: " + receiver);
            }
        } catch (IOException | RuntimeException | InterruptedException | Error failure) {
            failed("sender", failure);
        }
    }

    /** Closes the stream, so that both threads end. */
    void cancel() {
        Stream opened = stream;
        if (opened != null) {
            try {
                opened.close();
            } catch (IOException ignored) {
                // It is over anyway.
            }
        }
    }

    private void send(Stream out) throws IOException, InterruptedException {
        long position = 0;
        int number = 0;
        for (Step step : scenario.steps()) {
            sending = "waits to send message " + number;
            if (!window.tryAcquire(Soak.PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError("no answer");
            }
            boolean last = ++number == scenario.steps().size();
            sending = "sends message " + number + " at " + position;
            Header header =
                    new Header(step.length(), step.times(), step.deed(), step.millis(), scenario.key(), position);
            out.send(header.toBytes(), 0, Header.BYTES);
            boolean partial = last && !scenario.end().isOrderly();
            int length = partial ? step.length() / 2 : step.length();
            out.send(Content.array(), Content.offset(scenario.key(), position), length);
            position += step.length();
            moved();
        }
        sending = "ends";
        end(out);
    }

    private void end(Stream out) throws IOException, InterruptedException {
        switch (scenario.end()) {
            case HALF_CLOSE -> {
                soak.tally().halfCloses.increment();
                out.finish();
            }
            case RESET -> {
                soak.tally().resets.increment();
                broken = true;
                out.reset();
            }
            case ABRUPT, EMPTY -> {
                broken = true;
                out.close();
            }
            case ORDERLY -> {}
        }
        sending = "has ended";
    }

    private void receive(Stream in) {
        try {
            long position = 0;
            byte[] header = new byte[Header.BYTES];
            byte[] bytes = new byte[0];
            for (Step step : scenario.steps()) {
                if (step.stall() > 0) {
                    soak.tally().stalls.increment();
                    Responder.pass(step.stall());
                }
                if (bytes.length < step.length()) {
                    bytes = new byte[step.length()];
                }
                for (int i = 0; i < step.times(); i++) {
                    receiving = "reads answer " + i + " to " + step + " at " + position;
                    in.receive(header, Header.BYTES);
                    check(Header.of(ByteBuffer.wrap(header)), step, position);
                    in.receive(bytes, step.length());
                    Content.check(bytes, step.length(), ~scenario.key(), position);
                    position += step.length();
                    soak.tally().bytes.add(step.length());
                    moved();
                }
                soak.tally().messages.increment();
                window.release();
            }
            receiving = "waits for the end at " + position;
            if (scenario.end() == End.HALF_CLOSE && !in.isAtEnd()) {
                throw new AssertionError("more came than was asked for");
            }
            receiving = "has ended";
        } catch (IOException | RuntimeException | Error failure) {
            failed("receiver", failure);
        } finally {
            received.countDown();
        }
    }

    private void check(Header header, Step step, long position) {
        if (header.length() != step.length() || header.key() != ~scenario.key() || header.position() != position) {
            throw new AssertionError("at " + position + " of " + step + " came " + header);
        }
    }

    private void moved() {
        progressNanos = System.nanoTime();
    }

    private void failed(String who, Throwable failure) {
        if (broken && failure instanceof IOException) {
            return;
        }
        if (soak.trouble().explains(failure)) {
            broken = true;
            cancel();
            window.release(scenario.steps().size()); // the sender meets the end instead of waiting for answers
            return;
        }
        soak.failed(who + " of " + this + soak.trouble().around(progressNanos), failure);
    }
}
