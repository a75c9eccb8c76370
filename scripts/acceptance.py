#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Netpoll for Java Authors
"""Checks ./netpoll serve from outside, with a client that shares nothing with the library.

Starts the server for each backend and dispatch on TCP over IPv4 and IPv6 and on a Unix socket, prints a line for each
check, and ends with status 1 if one failed. Leaves io_uring out where it cannot be had, unless it is asked for. Uses
loopback addresses only. Needs Linux (/proc) and Python 3.9.

    scripts/acceptance.py [--backend epoll] [--dispatch inline] [--only REGEX] [--seed N]
"""

import argparse
import contextlib
import os
import random
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KIB = 1 << 10
MIB = 1 << 20
WAIT = 20  # seconds that any single answer may take
BACKENDS = ["epoll", "io_uring", "nio"]
DISPATCHES = ["adaptive", "virtual", "inline"]

# 1,000 frames: how many of which size.
MIX = [(0, 300), (1, 300), (4096, 300), (65_536, 94), (8 * MIB, 6)]

POURING = 40
POUR_HEAP = 256  # MiB; -Xmx of the server that is poured into
POUR_RSS_MAX = 768  # MiB; heap, metaspace, code, and some MiB for each of the clients
IDLE = 10_000
IDLE_THREADS_MAX = 20  # the JVM may add some of its own meanwhile; one for each connection would be 10,000


class Failure(Exception):
    pass


def expect(condition, message):
    if not condition:
        raise Failure(message)


# --- the server ------------------------------------------------------------------------------------------------------


class Server:
    """A running `netpoll serve` with its addresses: tcp4, tcp6, unix."""

    def __init__(self, backend, dispatch, *options, heap=None):
        self.directory = tempfile.TemporaryDirectory(prefix="netpoll-")
        path = os.path.join(self.directory.name, "s")
        command = [os.path.join(ROOT, "netpoll"), "serve", "--backend", backend, "--dispatch", dispatch]
        for address in ("127.0.0.1:0", "[::1]:0", "unix:" + path):
            command += ["--listen", address]
        environment = dict(os.environ)
        if heap:
            environment["JAVA_OPTS"] = environment.get("JAVA_OPTS", "") + f" -Xmx{heap}m"
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command + list(options), stdout=subprocess.PIPE, stderr=self.errors, env=environment)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""
        try:
            lines = [self._line(backend, dispatch) for _ in range(3)]
        except BaseException:
            self.kill()
            raise
        port4 = re.fullmatch(r"127\.0\.0\.1:(\d+)", lines[0])
        port6 = re.fullmatch(r"\[::1\]:(\d+)", lines[1])
        expect(port4 and port6 and lines[2] == "unix:" + path, f"unexpected addresses {lines}")
        self.addresses = {
            "tcp4": (socket.AF_INET, ("127.0.0.1", int(port4[1]))),
            "tcp6": (socket.AF_INET6, ("::1", int(port6[1]))),
            "unix": (socket.AF_UNIX, path),
        }

    def _line(self, backend, dispatch):
        deadline = time.monotonic() + 300  # the first start builds
        while "\n" not in self.text:
            if not select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                raise Failure("the server is not ready in time")
            data = os.read(self.process.stdout.fileno(), 4096)
            if not data:
                raise Failure(f"the server ended: {self.stderr()}")
            self.text += data.decode()
        line, _, self.text = self.text.partition("\n")
        match = re.fullmatch(r"listening on (\S+) backend=(\w+) dispatch=(\w+) loops=\d+", line)
        expect(match and match[2] == backend and match[3] == dispatch, f"unexpected line {line!r}")
        return match[1]

    def stderr(self):
        self.errors.flush()
        self.errors.seek(0)
        return self.errors.read().strip()

    def connect(self, transport="tcp4"):
        family, address = self.addresses[transport]
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(WAIT)
        connection.connect(address)
        if family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def status(self, key):
        with open(f"/proc/{self.process.pid}/status") as lines:
            for line in lines:
                if line.startswith(key + ":"):
                    return int(line.split()[1])
        raise Failure(f"no {key} of the server")

    def threads(self):
        return self.status("Threads")

    def sockets(self):
        """How many sockets the server has open."""
        count = 0
        for fd in os.listdir(f"/proc/{self.process.pid}/fd"):
            with contextlib.suppress(OSError):  # closed meanwhile
                count += os.readlink(f"/proc/{self.process.pid}/fd/{fd}").startswith("socket:")
        return count

    def expect_no_leak(self, expected):
        """Sooner or later no more sockets are open than expected."""
        deadline = time.monotonic() + 5
        while (count := self.sockets()) > expected:
            expect(time.monotonic() < deadline, f"{count - expected} sockets of gone clients are still open")
            time.sleep(0.01)

    def rss(self):
        return self.status("VmRSS") / 1024  # MiB

    def end(self):
        """Sends SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            raise Failure("the server still runs after SIGTERM") from None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()
        self.directory.cleanup()


def obstacle(backend):
    """Why a server with this backend cannot be started here, or None."""
    try:
        Server(backend, "inline").kill()
    except Failure as e:
        return str(e)
    return None


# --- the client ------------------------------------------------------------------------------------------------------


def frame(payload):
    return struct.pack(">I", len(payload)) + payload


def receive(connection, count):
    data = bytearray(count)
    view = memoryview(data)
    done = 0
    while done < count:
        n = connection.recv_into(view[done:])
        if n == 0:
            raise Failure(f"the server finished after {done} of {count} bytes")
        done += n
    return data


def expect_answer(connection, payload):
    (length,) = struct.unpack(">I", receive(connection, 4))
    expect(length == len(payload), f"an answer of {length} bytes to a frame of {len(payload)}")
    expect(receive(connection, length) == payload, f"a wrong answer to a frame of {len(payload)} bytes")


def ask(connection, payload):
    connection.sendall(frame(payload))
    expect_answer(connection, payload)


def expect_end(connection):
    """The server closes, by FIN or RST, and sends nothing before."""
    try:
        data = connection.recv(1)
    except ConnectionError:
        return
    except socket.timeout:
        raise Failure("the server keeps the connection open") from None
    expect(not data, f"the server sent {data!r}")


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def send_in_pieces(connection, data, rng):
    """Cuts at random places; short pieces are as likely as long ones."""
    view = memoryview(data)
    done = 0
    while done < len(view):
        length = rng.randint(1, 1 << rng.randint(0, 20))
        connection.sendall(view[done:done + length])
        done += length


def payload_of(rng, size, blob):
    start = rng.randrange(len(blob) - size + 1)
    return blob[start:start + size]


# --- the checks of one transport -------------------------------------------------------------------------------------


def check_pipelined(server, transport, rng):
    """1,000 frames in a row, split at random places, while another thread compares the answers."""
    blob = rng.randbytes(9 * MIB)
    sizes = [size for size, count in MIX for _ in range(count)]
    rng.shuffle(sizes)
    payloads = [payload_of(rng, size, blob) for size in sizes]
    with server.connect(transport) as connection:
        problem = []
        sending = random.Random(rng.random())

        def send():
            try:
                # Several frames in one piece, and pieces that end within a header, come from cutting the whole stream.
                batch = bytearray()
                for payload in payloads:
                    batch += frame(payload)
                    if len(batch) > 256 * KIB:
                        send_in_pieces(connection, batch, sending)
                        batch = bytearray()
                send_in_pieces(connection, batch, sending)
            except OSError as e:
                problem.append(e)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        try:
            for payload in payloads:
                expect_answer(connection, payload)
        except (Failure, OSError) as e:
            raise Failure(f"{e} {problem or ''}") from e
        sender.join(WAIT)
        expect(not problem, f"sending failed: {problem}")
    return f"{len(payloads)} frames, {sum(sizes) / MIB:.0f} MiB"


def check_one_by_one(server, transport, rng):
    """Each frame after the answer to the one before, in pieces with pauses between some of them."""
    blob = rng.randbytes(70_000)
    with server.connect(transport) as connection:
        for i in range(100):
            payload = payload_of(rng, rng.choice([0, 1, 2, 4096, 65_536]), blob)
            data = frame(payload)
            cuts = sorted(rng.randint(0, len(data)) for _ in range(3))
            for start, end in zip([0] + cuts, cuts + [len(data)]):
                connection.sendall(data[start:end])
                if i % 10 == 0:
                    time.sleep(0.002)
            expect_answer(connection, payload)


def check_half_close(server, transport, rng):
    """A client that shuts down its sending side still gets its answers, then the end."""
    for sizes in ([10], [0, 1, 65_536], [2 * MIB] * 3):
        payloads = [rng.randbytes(size) for size in sizes]
        with server.connect(transport) as connection:
            data = b"".join(frame(payload) for payload in payloads)

            def send():
                with contextlib.suppress(OSError):
                    connection.sendall(data)
                    connection.shutdown(socket.SHUT_WR)

            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            for payload in payloads:
                expect_answer(connection, payload)
            sender.join(WAIT)
            expect_end(connection)
    # Without a request there is nothing to wait for.
    with server.connect(transport) as connection:
        connection.shutdown(socket.SHUT_WR)
        expect_end(connection)


def check_reset(server, transport, rng):
    """Clients that leave in the middle of a frame cost nothing but their connection."""
    before = server.stderr()
    with server.connect(transport) as witness:
        for data in (b"", b"abc", b"\0\0\0", frame(b"x" * 100)[:-1], frame(b"x" * 100)):
            for leave in (reset, socket.socket.close):
                connection = server.connect(transport)
                connection.sendall(data)
                leave(connection)
                ask(witness, b"still here")
    complaints = server.stderr()[len(before):]
    expect(not complaints, f"the server complains: {complaints}")


def check_too_long(server, transport, rng):
    """Frames over 64 MiB are refused before they are sent; a frame announced and never sent takes no memory."""
    before = server.rss()
    with contextlib.ExitStack() as stack:
        witness = stack.enter_context(server.connect(transport))
        for length in (64 * MIB + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            connection = stack.enter_context(server.connect(transport))
            connection.sendall(struct.pack(">I", length))
            expect_end(connection)
            ask(witness, b"still here")
        # What was asked before is answered.
        connection = stack.enter_context(server.connect(transport))
        connection.sendall(frame(b"good") + struct.pack(">I", 0xFFFFFFFF) + b"bad")
        expect_answer(connection, b"good")
        expect_end(connection)
        for _ in range(50):
            connection = stack.enter_context(server.connect(transport))
            connection.sendall(struct.pack(">I", 64 * MIB) + b"the rest never comes")
        ask(witness, b"still here")
        grown = server.rss() - before
        expect(grown < 400, f"50 announced frames grew the server by {grown:.0f} MiB")


TRANSPORT_CHECKS = [
    ("1,000 pipelined frames", check_pipelined),
    ("frames one by one", check_one_by_one),
    ("half-close", check_half_close),
    ("clients that leave", check_reset),
    ("frames too long", check_too_long),
]


# --- the checks of a whole server ------------------------------------------------------------------------------------


def check_largest(server, rng):
    """A frame of exactly 64 MiB is answered."""
    payload = rng.randbytes(MIB) * 64
    with server.connect() as connection:
        threading.Thread(target=connection.sendall, args=(frame(payload),), daemon=True).start()
        expect_answer(connection, payload)


def pour(connections, data, seconds, stop):
    """Sends on all connections as fast as they take it; returns the bytes taken, and those of the last third."""
    offsets = dict.fromkeys(connections, 0)
    total = late = 0
    begin = time.monotonic()
    while (now := time.monotonic() - begin) < seconds and not stop.is_set():
        for connection in select.select([], list(offsets), [], 0.1)[1]:
            try:
                n = connection.send(data[offsets[connection]:])
            except BlockingIOError:
                continue
            except ConnectionError:
                del offsets[connection]  # the server may give up on it
                continue
            offsets[connection] = (offsets[connection] + n) % len(data)
            total += n
            late += n if now > seconds * 2 / 3 else 0
    return total, late


def check_pour(server, rng):
    """Clients that send and never read are slowed down: memory stays bounded, others are served."""
    seconds = 6
    data = memoryview(frame(b"\x5a" * 64 * KIB) * 4)
    stop = threading.Event()
    before = server.rss()
    highest = before
    slowest = 0
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(server.connect(("tcp4", "tcp6", "unix")[i % 3])) for i in range(POURING)]
        for connection in connections:
            connection.setblocking(False)
        result = []
        pourer = threading.Thread(target=lambda: result.append(pour(connections, data, seconds, stop)), daemon=True)
        pourer.start()
        try:
            with server.connect("tcp4") as other:
                while pourer.is_alive():
                    begin = time.monotonic()
                    ask(other, b"me too")
                    slowest = max(slowest, time.monotonic() - begin)
                    highest = max(highest, server.rss())
                    time.sleep(0.02)
        finally:
            stop.set()
            pourer.join(WAIT)
        total, late = result[0]
        expect(total > POURING * 64 * KIB, f"only {total} bytes were taken")
        expect(late == 0, f"{late / MIB:.1f} of {total / MIB:.0f} MiB were taken in the last third: it never stops")
        expect(highest < POUR_RSS_MAX, f"the server grew from {before:.0f} to {highest:.0f} MiB")
        expect(slowest < 1, f"another client waited for {slowest:.1f} s")
        # Who begins to read gets what is due.
        with contextlib.suppress(ConnectionError):
            connections[0].settimeout(WAIT)
            expect_answer(connections[0], b"\x5a" * 64 * KIB)
    return f"{total / MIB:.0f} MiB taken, then none; RSS {before:.0f} -> {highest:.0f} MiB; others: {slowest * 1000:.0f} ms"


def check_idle(server, rng):
    """Idle connections cost no thread each, whether they were ever used or not."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = min(IDLE, hard - 500)
    with contextlib.ExitStack() as stack:
        with server.connect() as other:
            for _ in range(100):
                ask(other, b"warm up")
        threads = server.threads()
        before = server.rss()
        connections = []
        for i in range(count):
            connections.append(stack.enter_context(server.connect(("tcp4", "tcp6")[i % 2])))
            if i % 4 == 0:
                ask(connections[-1], b"once")
        grown = server.threads() - threads
        memory = (server.rss() - before) * 1024 / count
        expect(grown <= IDLE_THREADS_MAX, f"{count} idle connections cost {grown} threads")
        ask(connections[count // 2], b"I am still here")
        with server.connect() as other:
            ask(other, b"me too")
        for connection in connections[::500]:
            ask(connection, b"and we")
    return f"{count} connections, {grown:+d} threads, {memory:.1f} KiB of RSS each"


def check_end(server, rng):
    """SIGTERM closes idle connections and ends with status 0."""
    with server.connect("tcp4") as tcp, server.connect("unix") as unix:
        ask(tcp, b"hello")
        ask(unix, b"hello")
        begin = time.monotonic()
        status = server.end()
        took = time.monotonic() - begin
        expect(took < 5, f"it took {took:.1f} s although nothing was running")
        expect(status == 0, f"exit status {status}: {server.stderr()}")
        expect_end(tcp)
        expect_end(unix)
    return f"{took:.1f} s"


def check_drain(backend, rng):
    """SIGTERM lets a running request finish, and takes no new connection."""
    work = 1.0
    server = Server(backend, "adaptive", "--work-ms", str(int(work * 1000)))
    with contextlib.ExitStack() as stack:
        stack.callback(server.kill)
        busy = stack.enter_context(server.connect())
        idle = stack.enter_context(server.connect())
        busy.sendall(frame(b"take your time"))
        time.sleep(work / 4)
        server.process.send_signal(signal.SIGTERM)
        expect_end(idle)
        with contextlib.suppress(ConnectionError):
            late = stack.enter_context(server.connect())
            expect_end(late)
        expect_answer(busy, b"take your time")
        expect_end(busy)
        status = server.process.wait(WAIT)
        expect(status == 0, f"exit status {status}: {server.stderr()}")


def check_mistakes():
    """Wrong arguments: one line on standard error, nothing on standard output, exit status 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        mistakes = [
            [],
            ["dance"],
            ["serve"],
            ["serve", "--listen", "nonsense"],
            ["serve", "--listen", "127.0.0.1:99999"],
            ["serve", "--listen", "[::1:7001"],
            ["serve", "--listen", f"127.0.0.1:{port}"],
            ["serve", "--listen", "192.0.2.1:7001"],
            ["serve", "--listen", "unix:/nowhere/at/all"],
            ["serve", "--listen", "127.0.0.1:0", "--backend", "kqueue"],
            ["serve", "--listen", "127.0.0.1:0", "--loops", "0"],
            ["serve", "--listen", "127.0.0.1:0", "--unknown"],
            ["demo", "--seconds", "soon"],
        ]
        for arguments in mistakes:
            done = subprocess.run(
                [os.path.join(ROOT, "netpoll")] + arguments, capture_output=True, text=True, timeout=60)
            expect(done.returncode == 2, f"{arguments}: exit status {done.returncode}: {done.stderr}")
            expect(len(done.stderr.splitlines()) == 1, f"{arguments}: not one line: {done.stderr}")
            expect(not done.stdout, f"{arguments}: {done.stdout}")
    return f"{len(mistakes)} of them"


# --- the run ---------------------------------------------------------------------------------------------------------


class Run:
    def __init__(self, only, seed):
        self.only = only
        self.seed = seed
        self.failed = 0
        self.done = 0

    def check(self, name, check, *arguments, rng=True):
        """Runs one check. Its random numbers depend on the seed and its name, so it can be repeated alone."""
        if not re.search(self.only, name):
            return
        begin = time.monotonic()
        try:
            more = [random.Random(f"{self.seed} {name}")] if rng else []
            note = check(*arguments, *more)
            result = "ok  "
        except Exception as e:  # whatever it is, the other checks go on
            note = str(e) if isinstance(e, Failure) else f"{type(e).__name__}: {e}"
            result = "FAIL"
            self.failed += 1
        self.done += 1
        print(f"{result} {time.monotonic() - begin:5.1f} s  {name}{': ' + note if note else ''}", flush=True)

    def server(self, backend, dispatch):
        title = f"{backend} {dispatch}"
        try:
            server = Server(backend, dispatch, heap=POUR_HEAP)
        except Failure as e:
            self.check(f"{title}: start", lambda: expect(False, str(e)), rng=False)
            return
        sockets = server.sockets()

        def clean(check, *arguments):
            try:
                note = check(*arguments)
                server.expect_no_leak(sockets)
                return note
            except Exception as e:
                status = server.process.poll()
                if status is not None:
                    raise Failure(f"the server ended with status {status}: {server.stderr()[-2000:]}") from e
                raise

        try:
            for transport in server.addresses:
                for name, check in TRANSPORT_CHECKS:
                    self.check(f"{title} {transport}: {name}", clean, check, server, transport)
            self.check(f"{title}: a frame of 64 MiB", clean, check_largest, server)
            self.check(f"{title}: {POURING} clients that pour and never read", clean, check_pour, server)
            self.check(f"{title}: {IDLE:,} idle connections", clean, check_idle, server)
            self.check(f"{title}: SIGTERM", check_end, server)
        finally:
            server.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", choices=BACKENDS)
    parser.add_argument("--dispatch", choices=DISPATCHES)
    parser.add_argument("--only", default="", metavar="REGEX", help="only checks whose name matches")
    parser.add_argument("--seed", default=str(random.randrange(1 << 32)))
    arguments = parser.parse_args()

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(f"seed {arguments.seed}")
    subprocess.run([os.path.join(ROOT, "netpoll"), "--version"], check=True)  # builds what is missing

    run = Run(arguments.only, arguments.seed)
    begin = time.monotonic()
    run.check("wrong arguments", check_mistakes, rng=False)
    for backend in [arguments.backend] if arguments.backend else BACKENDS:
        if backend == "io_uring" and not arguments.backend and (reason := obstacle(backend)):
            print(f"io_uring is not checked: {reason}")
            continue
        for dispatch in [arguments.dispatch] if arguments.dispatch else DISPATCHES:
            run.server(backend, dispatch)
        run.check(f"{backend}: SIGTERM during a request", check_drain, backend)
    print(f"{run.done} checks, {run.failed} failed, {time.monotonic() - begin:.0f} s")
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
