// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.Backend;
import dev.netpoll.Connection;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.buffer.BufferMemory;
import dev.netpoll.testkit.Await;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * An echo server in a process with a small heap, which fills that heap when it is told to. Its input has two commands:
 * {@code fill} uses up the heap for a while, and says {@code full}, then {@code filled}; {@code end} shuts down and
 * tells how long that took, how many blocks were not given back, how many close callbacks were not called, and what
 * died. A request that begins with {@code f} or {@code c} fills the heap, too, and its handler fails.
 */
@SuppressWarnings("UnusedVariable") // what is filled is only held
public final class FullHeapMain {
    private static final int BIG = 1 << 20;
    private static final int SMALL = 16;
    private static final byte FILL = 'f';
    private static final byte FILL_WITH_CALLBACK = 'c';
    private static final long BRIM_MILLIS = 2000;
    private static final Object[] NOTHING = {};
    private static final byte[] FULL = "full\n".getBytes(StandardCharsets.UTF_8);
    private static final FileOutputStream STANDARD_OUTPUT = new FileOutputStream(FileDescriptor.out);

    /** How long closing waits for connections. */
    public static final Duration GRACE = Duration.ofSeconds(2);

    private final AtomicInteger deaths = new AtomicInteger();
    private final AtomicInteger callbacksDue = new AtomicInteger();

    private volatile String firstDead = "none";
    private volatile @Nullable Throwable firstDeath;

    /** Looked at by nobody, so that what it holds is not optimised away. */
    private volatile Object[] filling = NOTHING;

    private volatile boolean full;

    private FullHeapMain() {}

    /** Takes the name of the backend, whether loops run on platform threads, and for how long to fill the heap. */
    public static void main(String[] args) throws Exception {
        new FullHeapMain().run(Backend.of(args[0]), Boolean.parseBoolean(args[1]), Long.parseLong(args[2]));
    }

    /** Takes memory, as the handlers of users do, and fails if there is none; a command has it see to that. */
    private void answer(Connection connection) throws IOException {
        int there = (int) connection.reader().readableBytes();
        byte[] request = connection.reader().readBytes(there);
        if (request[0] == FILL_WITH_CALLBACK) {
            callbacksDue.incrementAndGet();
            connection.addCloseCallback(closed -> callbacksDue.decrementAndGet());
        }
        if (request[0] == FILL || request[0] == FILL_WITH_CALLBACK) {
            Thread.ofPlatform().daemon().start(() -> {
                fill(BRIM_MILLIS);
                System.out.println("filled");
            });
            while (!full) {
                Thread.onSpinWait();
            }
            request = new byte[BIG];
        }
        connection.writer().writeBytes(request).flush();
    }

    private void run(Backend backend, boolean platformThreads, long fillMillis) throws Exception {
        Thread.setDefaultUncaughtExceptionHandler((thread, death) -> {
            if (deaths.getAndIncrement() == 0) { // printed at the end, when there is memory for it
                firstDeath = death;
                firstDead = thread.getName();
            }
        });
        EventLoopGroup group = EventLoopGroup.builder()
                .backend(backend)
                .platformThreads(platformThreads)
                .loops(2)
                .build();
        Server server = Server.builder()
                .group(group)
                .onRequest(this::answer)
                .onError((connection, error) -> {})
                .build();
        InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
        InetSocketAddress bound = (InetSocketAddress) server.listen(new InetSocketAddress(loopback, 0));
        System.out.println(bound.getPort());
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.equals("fill")) {
                fill(fillMillis);
                System.out.println("filled");
            } else {
                end(server, group);
                return;
            }
        }
    }

    /** Whatever the collector frees is taken at once, in large pieces and in small ones. */
    private void fill(long millis) {
        full = false;
        Object[] large = new Object[1 << 10];
        Object[] chain = null;
        filling = large;
        int count = 0;
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        while (System.nanoTime() - end < 0) {
            try {
                while (count < large.length) {
                    large[count] = new byte[BIG];
                    count++;
                }
            } catch (OutOfMemoryError e) {
                // Small ones may still find room.
            }
            try {
                for (int i = 0; i < BIG; i++) {
                    chain = new Object[] {chain, new byte[SMALL]};
                    large[large.length - 1] = chain;
                }
            } catch (OutOfMemoryError e) {
                if (!full) {
                    full = true;
                    tellFull();
                }
            }
        }
        filling = NOTHING;
    }

    /** With bytes that exist already, as there is no memory. */
    private static void tellFull() {
        try {
            STANDARD_OUTPUT.write(FULL);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private void tellDeath() {
        Throwable death = firstDeath;
        try {
            if (death != null) {
                death.printStackTrace();
            }
        } catch (Throwable t) {
            System.err.println("the death can't be printed: " + t); // a class of the JDK that found no memory
        }
    }

    private void end(Server server, EventLoopGroup group) throws IOException {
        long begin = System.nanoTime();
        server.shutdown(GRACE);
        group.close();
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
        Await.within(
                Await.DEADLINE,
                () -> { // what an Error lost comes back when the collector finds it
                    System.gc();
                    return BufferMemory.stats().outstandingBlocks() == 0;
                });
        long blocks = BufferMemory.stats().outstandingBlocks();
        tellDeath();
        System.out.println(millis + " " + blocks + " " + callbacksDue.get() + " " + deaths.get() + " " + firstDead);
    }
}
