// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Transport;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever an event of one socket throws, that socket fails, and nothing of the others is lost. */
@ParameterizedClass
@MethodSource("dev.netpoll.internal.poll.Variant#all")
class CrashContractTest extends ContractTest {
    private static final int OTHERS = 8;
    private static final byte[] HELLO = {1, 2, 3, 4, 5};

    /** Everything that can be thrown, one after the other. */
    private static final List<Supplier<Throwable>> THROWN = List.of(
            () -> new OutOfMemoryError("test"),
            () -> new StackOverflowError("test"),
            () -> new IOException("sneaky"),
            () -> new IllegalStateException("test"));

    /** Throws from each of the methods that it is told, once. */
    private static final class Thrower extends Recorder {
        private final Set<String> from;
        private final Throwable thrown;
        int told;

        Thrower(Throwable thrown, String... from) {
            this.thrown = thrown;
            this.from = new HashSet<>(Set.of(from));
        }

        private void throwOnce(String method) {
            if (from.remove(method)) {
                throw CrashContractTest.<RuntimeException>sneak(thrown);
            }
        }

        @Override
        public void received(Segment segments) {
            super.received(segments);
            throwOnce("received");
        }

        @Override
        public void peerFinished() {
            super.peerFinished();
            throwOnce("peerFinished");
        }

        @Override
        public void sent(long count, boolean all) {
            super.sent(count, all);
            throwOnce("sent");
        }

        @Override
        public void failed(int number) {
            told++;
            throwOnce("failed");
            super.failed(number);
        }
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <T extends Throwable> T sneak(Throwable thrown) throws T {
        throw (T) thrown;
    }

    CrashContractTest(Variant variant) {
        super(variant);
    }

    @Test
    void anErrorWhileReceivingFailsThatSocketAndTheRestOfTheBatchIsDelivered() throws IOException {
        check(1, pair -> pair.client().send(queue(HELLO)), "received");
    }

    @Test
    void anErrorAtTheEndOfTheStreamFailsThatSocketOnly() throws IOException {
        check(1, pair -> pair.client().shutdownOutput(), "peerFinished");
    }

    @Test
    void anErrorWhileSendingFailsThatSocketOnly() throws IOException {
        List<SendQueue> unsent = new ArrayList<>();
        check(
                1,
                pair -> {
                    // So much that the kernel takes it in parts, which it tells of.
                    SendQueue rest = queue(new byte[4 << 20]);
                    fill(pair.server());
                    unsent.add(rest);
                    pair.server().sendRest(rest);
                    pair.client().resumeReading();
                },
                "sent");
        unsent.forEach(SendQueue::clear);
    }

    @Test
    void aFailureThatCannotBeToldIsToldAgain() throws IOException {
        check(2, pair -> pair.client().send(queue(HELLO)), "received", "failed");
    }

    private interface Provocation {
        void accept(Pair pair) throws IOException;
    }

    private void check(int told, Provocation provocation, String... from) throws IOException {
        List<Pair> others = new ArrayList<>();
        for (int i = 0; i < OTHERS; i++) {
            others.add(pair());
        }
        int received = 0;
        for (Supplier<Throwable> thrown : THROWN) {
            Thrower thrower = new Thrower(thrown.get(), from);
            Pair pair = pair(new Recorder(), thrower);
            pair.client().pauseReading();
            settle();
            received += HELLO.length;
            for (int i = 0; i < OTHERS; i++) {
                if (i == OTHERS / 2) {
                    provocation.accept(pair);
                }
                others.get(i).client().send(queue(HELLO));
            }
            int expected = received;
            await(() -> thrower.errno != 0
                    && others.stream().allMatch(o -> o.atServer().received() == expected));
            assertThat(thrower.told).isEqualTo(told);
            close(pair.server(), thrower, true);
            close(pair.client(), pair.atClient(), true);
            settle();
        }
        others.forEach(other -> assertThat(other.atServer().errno).isZero());
    }

    @Test
    void anErrorWhileAcceptingIsToldAndTheListenerGoesOn() throws IOException {
        ListenSocket socket = backend.bind(variant.freshAddress(), new ListenOptions(0, false, false));
        listening.add(socket);
        int[] told = new int[1];
        poller.listen(socket, new AcceptEvents() {
            @Override
            public void accepted(Transport transport) {
                accepted.add(transport);
                if (accepted.size() == 1) {
                    throw new OutOfMemoryError("test");
                }
            }

            @Override
            public void acceptFailed(int errno) {
                told[0] = errno;
            }
        });
        connect(socket.localAddress(), new Recorder());
        connect(socket.localAddress(), new Recorder());
        await(() -> accepted.size() == 2 && told[0] != 0);
        connect(socket.localAddress(), new Recorder());
        await(() -> accepted.size() == 3);
        assertThat(told[0]).isEqualTo(Errno.ENOMEM);
    }
}
