// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLERR;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLET;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLHUP;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLIN;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLOUT;
import static dev.netpoll.internal.ffi.LibcEpoll.EPOLLRDHUP;

import dev.netpoll.internal.ffi.EpollEvents;
import dev.netpoll.internal.ffi.LibcEpoll;
import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.LibcUnistd;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.ffi.SockAddr;
import org.jspecify.annotations.Nullable;

/**
 * Sends requests and checks answers with one thread and the bare system calls, so that no library under test is in it.
 *
 * <p>A request costs one recv, one send, its share of an epoll_wait, and one look at the clock right after the recv: in
 * a closed loop the next request of a connection leaves at once, so the time the answer was there is also its start,
 * which can only make latencies longer. Nothing is allocated for a request.
 *
 * <p><b>Ends.</b> When all is answered after the window, or its time-out has passed; at once if the run is hopeless: a
 * connection cannot be opened, or there are thousands of errors.
 */
final class LoadLoop implements Runnable {
    private static final int EVENTS = 256;
    private static final int INTEREST = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    private static final int ENDED = EPOLLERR | EPOLLHUP | EPOLLRDHUP;

    /** As many may be on their way to being accepted: servers with a short backlog would drop more. */
    private static final int OPENING_MAX = 32;

    private static final long WAIT_NANOS_MAX = 10_000_000;
    private static final long SCAN_NANOS_MAX = 100_000_000;

    private static final int EINTR = 4;
    private static final int EAGAIN = 11;
    private static final int EINPROGRESS = 115;

    private enum Phase {
        OPENING,
        RUNNING,
        ENDED
    }

    private final Scratch scratch = new Scratch();
    private final EpollEvents events = new EpollEvents(EVENTS);
    private final LoadPlan plan;
    private final byte[] address;
    private final int family;
    private final Frames frames;
    private final Recorder recorder;
    private final AnswerReader answers;
    private final LoadConnection[] connections;
    private final @Nullable Arrivals arrivals;
    private final FreeConnections free;
    private final long timeoutNanos;
    private final long scanNanos;

    private Phase phase = Phase.OPENING;
    private int epoll = -1;
    private int begun;
    private int ready;
    private long inFlight;
    private long scanAt;
    private volatile boolean opened;

    /** The plan is this loop's share, in connections, idle ones and rate. */
    LoadLoop(LoadPlan plan, byte[] address, Recorder recorder, Marks marks) {
        this.plan = plan;
        this.address = address;
        this.recorder = recorder;
        family = SockAddr.family(address);
        frames = new Frames(plan, marks);
        connections = new LoadConnection[plan.connections() + plan.idle()];
        for (int i = 0; i < connections.length; i++) {
            connections[i] = new LoadConnection(i, i >= plan.connections(), plan);
        }
        answers = new AnswerReader(frames, recorder, connections.length);
        arrivals = plan.rate() > 0 ? new Arrivals(plan.rate(), plan.seed()) : null;
        free = new FreeConnections(plan.connections(), arrivals == null ? 1 : plan.pipeline());
        timeoutNanos = plan.timeoutNanos();
        scanNanos = Math.clamp(timeoutNanos / 10, 1_000_000, SCAN_NANOS_MAX);
    }

    boolean isOpened() {
        return opened;
    }

    @Override
    public void run() {
        try {
            TimerSlack.remove();
            epoll = LibcEpoll.create(scratch);
            if (epoll < 0) {
                recorder.fatal("epoll_create1: error " + -epoll);
            }
            long now = System.nanoTime();
            while (phase != Phase.ENDED && !recorder.isFatal()) {
                now = turn(now);
            }
        } catch (RuntimeException | Error e) {
            recorder.fatal("the load generator failed: " + e);
        } finally {
            recorder.turn();
            for (LoadConnection connection : connections) {
                close(connection);
            }
            if (epoll >= 0) {
                LibcUnistd.close(scratch, epoll);
            }
        }
    }

    private long turn(long before) {
        int count = LibcEpoll.await(scratch, epoll, events, waitNanos(before));
        if (count < 0 && count != -EINTR) {
            recorder.fatal("epoll_wait: error " + -count);
        }
        recorder.turn();
        for (int i = 0; i < count; i++) {
            handle(events.data(i), events.events(i));
        }
        long now = System.nanoTime();
        if (phase == Phase.OPENING) {
            openMore(now);
        } else {
            sendDue(now);
            endWhenDone(now);
        }
        if (now >= scanAt) {
            scan(now);
            scanAt = now + scanNanos;
        }
        return now;
    }

    private long waitNanos(long now) {
        if (phase == Phase.OPENING && begun == 0) {
            return 0;
        }
        long due = arrivals == null || phase != Phase.RUNNING || free.isEmpty() ? Long.MAX_VALUE : arrivals.next();
        return due >= recorder.endAt() ? WAIT_NANOS_MAX : Math.clamp(due - now, 0, WAIT_NANOS_MAX);
    }

    private void openMore(long now) {
        while (begun < connections.length && begun - ready < OPENING_MAX && !recorder.isFatal()) {
            connect(connections[begun++], now);
        }
        if (ready == connections.length) {
            phase = Phase.RUNNING;
            opened = true;
            if (arrivals != null) {
                arrivals.start(now);
            }
            for (int i = 0; i < plan.connections(); i++) {
                begin(connections[i], now);
            }
        }
    }

    private void connect(LoadConnection connection, long now) {
        int fd = LibcSocket.socket(scratch, family);
        if (fd < 0) {
            recorder.fatal("socket: error " + -fd + "; is the limit of open files too low?");
            return;
        }
        connection.fd = fd;
        connection.state = LoadConnection.CONNECTING;
        connection.connectStarted = now;
        LibcSocket.setsockopt(scratch, fd, LibcSocket.IPPROTO_TCP, LibcSocket.TCP_NODELAY, 1);
        int result = LibcSocket.connect(scratch, fd, address);
        if (result == 0 || result == -EINPROGRESS) {
            long data = (long) connection.generation << 32 | connection.index;
            result = LibcEpoll.add(scratch, epoll, fd, INTEREST, data);
        }
        if (result < 0) {
            recorder.fatal("cannot connect: error " + -result);
        }
    }

    private void connected(LoadConnection connection, long now) {
        int error = LibcSocket.pendingError(scratch, connection.fd);
        if (error != 0) {
            recorder.fatal("cannot connect: error " + error);
            return;
        }
        connection.state = LoadConnection.OPEN;
        if (connection.ready) {
            begin(connection, now);
        } else {
            append(connection, now, now);
            flush(connection);
        }
    }

    /** Gives a connection with nothing on its way its first requests. */
    private void begin(LoadConnection connection, long now) {
        if (connection.idle) {
            return;
        }
        if (arrivals != null) {
            free.refill(connection);
        } else {
            request(connection, plan.pipeline(), now);
        }
    }

    private void lost(LoadConnection connection, String what) {
        recorder.failed(what);
        for (long i = connection.inFlight(); i > 1; i--) {
            recorder.failed(what);
        }
        replace(connection);
    }

    private void replace(LoadConnection connection) {
        inFlight -= connection.inFlight();
        close(connection);
        connection.reset();
        if (!connection.ready) {
            recorder.fatal("a new connection failed");
        } else if (!recorder.isFatal()) {
            connect(connection, System.nanoTime());
        }
    }

    private void close(LoadConnection connection) {
        if (connection.state != LoadConnection.CLOSED) {
            connection.state = LoadConnection.CLOSED;
            LibcUnistd.close(scratch, connection.fd);
        }
    }

    private void handle(long data, int happened) {
        LoadConnection connection = connections[(int) data];
        if (connection.generation != (int) (data >>> 32) || connection.state == LoadConnection.CLOSED) {
            return;
        }
        if (connection.state == LoadConnection.CONNECTING) {
            connected(connection, System.nanoTime());
        }
        if ((happened & (EPOLLIN | ENDED)) != 0 && connection.state == LoadConnection.OPEN) {
            receive(connection, (happened & ENDED) != 0);
        }
        if (connection.blocked && (happened & EPOLLOUT) != 0 && connection.state == LoadConnection.OPEN) {
            connection.blocked = false;
            flush(connection);
        }
    }

    private void receive(LoadConnection connection, boolean ended) {
        int generation = connection.generation;
        while (connection.generation == generation && connection.state == LoadConnection.OPEN) {
            long count = LibcSocket.recv(scratch, connection.fd, answers.address(), AnswerReader.BYTES, 0);
            if (count > 0) {
                long now = System.nanoTime();
                long before = connection.answered;
                boolean right = answers.check(connection, count, now);
                int complete = (int) (connection.answered - before);
                inFlight -= complete;
                if (!right) {
                    replace(connection);
                } else if (complete > 0) {
                    next(connection, complete, now);
                }
                // The next byte comes with an event of its own, unless the end was announced already.
                if (count < AnswerReader.BYTES && !ended) {
                    return;
                }
            } else if (count == -EAGAIN) {
                return;
            } else if (count != -EINTR) {
                lost(connection, count == 0 ? "the server closed a connection" : "recv: error " + -count);
            }
        }
    }

    private void next(LoadConnection connection, int answers, long now) {
        if (!connection.ready) {
            connection.ready = true;
            ready++;
        } else if (connection.idle || phase == Phase.OPENING) {
            return;
        } else if (arrivals == null) {
            request(connection, answers, now);
        } else {
            for (int i = 0; i < answers; i++) {
                free.push(connection);
            }
            sendDue(now);
        }
    }

    private void request(LoadConnection connection, int count, long now) {
        if (now < recorder.endAt()) {
            for (int i = 0; i < count; i++) {
                append(connection, now, now);
            }
            flush(connection);
        }
    }

    private void append(LoadConnection connection, long start, long now) {
        connection.append(start, now);
        inFlight++;
    }

    /** Open loop: sends what is due, as far as connections are free. */
    private void sendDue(long now) {
        if (arrivals == null) {
            return;
        }
        while (arrivals.next() <= now && arrivals.next() < recorder.endAt()) {
            long start = arrivals.next();
            if (now - start > timeoutNanos) {
                recorder.unsent();
                arrivals.advance();
                continue;
            }
            LoadConnection connection = free.pop();
            if (connection == null) {
                return;
            }
            arrivals.advance();
            recorder.sent(start, now);
            append(connection, start, now);
            flush(connection);
        }
    }

    private void flush(LoadConnection connection) {
        int frameBytes = frames.frameBytes();
        while (connection.sent < connection.appended && !connection.blocked) {
            int count = (int) Math.min(connection.appended - connection.sent, frames.batch());
            for (int i = 0; i < count; i++) {
                frames.stamp(i, connection.number(connection.sent + i));
            }
            long offset = connection.sentOffset;
            long length = (long) count * frameBytes - offset;
            long result = LibcSocket.send(scratch, connection.fd, frames.address() + offset, length, 0);
            if (result == length) {
                connection.sent += count;
                connection.sentOffset = 0;
            } else if (result >= 0) {
                connection.sent += (offset + result) / frameBytes;
                connection.sentOffset = (offset + result) % frameBytes;
            } else if (result == -EAGAIN) {
                connection.blocked = true;
            } else if (result != -EINTR) {
                lost(connection, "send: error " + -result);
                return;
            }
        }
    }

    /** Looks at the oldest request of each connection. */
    private void scan(long now) {
        for (LoadConnection connection : connections) {
            if (connection.state == LoadConnection.CONNECTING && now - connection.connectStarted > timeoutNanos) {
                recorder.fatal("no connection within the time-out");
            } else if (connection.inFlight() > 0 && now - connection.sendTimeOf(connection.answered) > timeoutNanos) {
                timedOut(connection, now);
            }
        }
    }

    private void timedOut(LoadConnection connection, long now) {
        for (long i = connection.answered; i < connection.appended; i++) {
            if (now - connection.sendTimeOf(i) > timeoutNanos) {
                recorder.timedOut(connection.startOf(i), now, connection.number(i));
            } else {
                recorder.failed("lost behind a request that timed out");
            }
        }
        replace(connection);
    }

    private void endWhenDone(long now) {
        long endAt = recorder.endAt();
        if (now < endAt) {
            return;
        }
        boolean allSent = arrivals == null || arrivals.next() >= endAt;
        boolean late = now - endAt > timeoutNanos + 2 * scanNanos;
        if ((allSent && inFlight == 0) || late) {
            while (arrivals != null && arrivals.next() < endAt) {
                recorder.unsent();
                arrivals.advance();
            }
            phase = Phase.ENDED;
        }
    }
}
