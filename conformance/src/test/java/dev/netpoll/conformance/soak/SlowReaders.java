// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.soak;

import dev.netpoll.conformance.support.ChildJvm;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * What peers that ask for much and never read the answers cost those that behave: a server in a process of its own, and
 * the throughput of its well-behaved clients, calm and while it is attacked.
 */
public final class SlowReaders implements AutoCloseable {
    /** One run: how many peers do what, for how long. */
    public record Load(int attackers, int framesPerSecond, int frameBytes, int clients, int calmMillis, int millis) {
        /** {@return the numbers of the program} */
        public static Load full() {
            return new Load(4000, 3000, 60_000, 100, 4000, 10_000);
        }
    }

    /**
     * What was measured.
     *
     * @param calm requests per second before
     * @param attacked requests per second under attack, second by second
     * @param grownBytes how much more memory the server's process held at most
     */
    public record Result(double calm, List<Long> attacked, long grownBytes) {
        /** {@return the share of the calm throughput that was kept} */
        public double kept() {
            return attacked.stream().mapToLong(Long::longValue).average().orElse(0) / calm;
        }
    }

    private static final boolean VERBOSE = Boolean.getBoolean("dev.netpoll.slowReaders.verbose");
    private static final int REQUEST = 1024;

    /** So many peers that take nothing are tried in a row, each millisecond. */
    private static final int TRIES = 32;

    /** Small, as what they would hold for all peers together can be more than the kernel has for all sockets. */
    private static final int KERNEL_BUFFER = Integer.getInteger("dev.netpoll.slowReaders.buffer", 16 << 10);

    private final Process server;
    private final BufferedReader out;
    private final InetSocketAddress address;
    private final AtomicLong answered = new AtomicLong();
    private volatile boolean done;

    /**
     * Starts the server.
     *
     * @param prefix what to start the JVM with, such as taskset, or nothing
     */
    public SlowReaders(List<String> prefix, String backend, String dispatch, boolean platformThreads, Path log)
            throws IOException {
        List<String> command = new ArrayList<>(prefix);
        command.addAll(ChildJvm.command(
                List.of("-Xmx384m", "-Xmn48m"), SlowReadersServer.class, backend, dispatch, platformThreads));
        server = new ProcessBuilder(command).redirectError(log.toFile()).start();
        out = server.inputReader(StandardCharsets.UTF_8);
        int port = Integer.parseInt(out.readLine());
        address = new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port);
    }

    /** Runs alone: backend, dispatch, whether loops run on platform threads, and what to start the server with. */
    public static void main(String[] args) throws Exception {
        List<String> prefix = Arrays.asList(args).subList(3, args.length);
        try (SlowReaders readers =
                new SlowReaders(prefix, args[0], args[1], Boolean.parseBoolean(args[2]), Path.of("/dev/stderr"))) {
            Result result = readers.measure(Load.full());
            System.out.printf(
                    "%s %s kept %.2f, %d MiB more; %s%n",
                    args[0], args[1], result.kept(), result.grownBytes() >> 20, result);
            System.out.println(readers.stats());
        }
    }

    /** {@return what the server says of its dispatch} */
    public String stats() throws IOException {
        server.getOutputStream().write('\n');
        server.getOutputStream().flush();
        return out.readLine();
    }

    /** Measures calm, with all connected, then attacks. */
    public Result measure(Load load) throws Exception {
        List<Thread> threads = new ArrayList<>();
        List<SocketChannel> attackers = new ArrayList<>();
        try {
            while (attackers.size() < load.attackers()) {
                attackers.add(connectAttacker());
            }
            threads.add(start("clients", () -> ask(load.clients())));
            perSecond(load.calmMillis()); // handlers prove short meanwhile
            double calm = perSecond(load.calmMillis());
            long before = residentBytes();
            threads.add(start("attackers", () -> attack(load, attackers)));
            List<Long> attacked = new ArrayList<>();
            long most = before;
            for (int i = 0; i < load.millis() / 1000; i++) {
                attacked.add((long) perSecond(1000));
                most = Math.max(most, residentBytes());
                if (VERBOSE) {
                    System.out.println(((residentBytes() - before) >> 20) + " MiB more, " + stats());
                }
            }
            return new Result(calm, attacked, most - before);
        } finally {
            done = true;
            for (Thread thread : threads) {
                thread.join();
            }
            for (SocketChannel attacker : attackers) {
                attacker.close();
            }
        }
    }

    private interface Part {
        void run() throws IOException;
    }

    private static Thread start(String name, Part part) {
        return Thread.ofPlatform().daemon().name(name).start(() -> {
            try {
                part.run();
            } catch (IOException e) {
                throw new AssertionError(name + " failed", e);
            }
        });
    }

    private double perSecond(long millis) {
        long before = answered.get();
        long begin = System.nanoTime();
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
        return (answered.get() - before) * 1e9 / (System.nanoTime() - begin);
    }

    private long residentBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/" + server.pid() + "/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
            }
        }
        return 0;
    }

    /** {@return a frame with so many bytes behind its length} */
    private static byte[] frame(int bytes) {
        return ByteBuffer.allocate(Integer.BYTES + bytes).putInt(bytes).array();
    }

    private SocketChannel connect() throws IOException {
        SocketChannel channel = SocketChannel.open(address);
        channel.configureBlocking(false);
        return channel;
    }

    /** Each client sends a request when it has the answer to the one before. */
    private void ask(int clients) throws IOException {
        byte[] request = frame(REQUEST);
        ByteBuffer in = ByteBuffer.allocateDirect(1 << 16);
        ByteBuffer out = ByteBuffer.allocateDirect(request.length).put(request).flip();
        try (Selector selector = Selector.open()) {
            for (int i = 0; i < clients; i++) {
                SocketChannel channel = connect();
                channel.register(selector, SelectionKey.OP_READ, new int[1]);
                channel.write(out.rewind());
            }
            while (!done) {
                selector.select(
                        key -> {
                            try {
                                int[] got = (int[]) key.attachment();
                                SocketChannel channel = (SocketChannel) key.channel();
                                got[0] += Math.max(0, channel.read(in.clear()));
                                if (got[0] >= request.length) {
                                    got[0] -= request.length;
                                    answered.incrementAndGet();
                                    channel.write(out.rewind());
                                }
                            } catch (IOException e) {
                                key.cancel();
                            }
                        },
                        100);
            }
            for (SelectionKey key : selector.keys()) {
                key.channel().close();
            }
        }
    }

    private SocketChannel connectAttacker() throws IOException {
        SocketChannel channel = SocketChannel.open();
        channel.setOption(StandardSocketOptions.SO_RCVBUF, KERNEL_BUFFER);
        channel.setOption(StandardSocketOptions.SO_SNDBUF, KERNEL_BUFFER);
        channel.connect(address);
        channel.configureBlocking(false);
        return channel;
    }

    /** Frames are sent at the rate, on the next connection that takes any bytes; nothing is read. */
    private void attack(Load load, List<SocketChannel> channels) {
        byte[] frame = frame(load.frameBytes());
        ByteBuffer template = ByteBuffer.allocateDirect(frame.length).put(frame).flip();
        List<ByteBuffer> pending = new ArrayList<>();
        for (int i = 0; i < channels.size(); i++) {
            pending.add(template.duplicate());
        }
        long begin = System.nanoTime();
        long sent = 0;
        int next = 0;
        while (!done) {
            long due = (long) ((System.nanoTime() - begin) / 1e9 * load.framesPerSecond() * frame.length);
            sent = Math.max(sent, due - (long) load.framesPerSecond() * frame.length / 10); // what was missed is missed
            for (int stuck = 0; sent < due && stuck < TRIES; stuck++) {
                next = (next + 1) % channels.size();
                ByteBuffer rest = pending.get(next);
                if (!rest.hasRemaining()) {
                    rest.rewind();
                }
                int taken = write(channels.get(next), rest);
                sent += taken;
                if (taken > 0) {
                    stuck = 0;
                }
            }
            LockSupport.parkNanos(1_000_000);
        }
    }

    private static int write(SocketChannel channel, ByteBuffer rest) {
        try {
            return channel.write(rest);
        } catch (IOException e) {
            return 0; // the server has closed it
        }
    }

    @Override
    public void close() {
        done = true;
        server.destroyForcibly().onExit().join();
    }
}
