// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/*
 * The floor of the RPC benchmark: one thread, edge-triggered epoll, receive, check the frames, send them back.
 *
 * A response has the bytes of its request, so frames are sent from where they were received. All connections share one
 * receive buffer; a frame that is cut off waits in memory of its own, and one that is longer than the buffer is
 * received straight into such memory. A connection with output that the kernel did not take is not read until it did.
 *
 * The edges are for input and output both, so that epoll_ctl is called once for each connection. A receive that returns
 * less than it could has emptied the socket, which saves the one that would say so.
 *
 * Usage: c-epoll [--port N] [--max-payload N]. Prints "LISTENING <port>", answers each line of standard input with a
 * line, and ends with its standard input.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    HEADER = 4,
    MARK = 5,
    EVENTS = 1024,
    SHARED = 64 << 10,
    LONG = 16 << 10, /* a cut off frame of more is not copied back to the shared buffer */
};

/*
 * What is kept is one of: nothing (NULL); the beginning of a frame, filled == capacity; the beginning of a long frame,
 * and room for exactly the rest; output, of which some is sent, and requests that came behind it up to the capacity.
 */
struct connection {
    int fd;
    bool output;
    char *kept;
    size_t capacity;
    size_t filled; /* bytes of input or output */
    size_t sent;   /* of the output */
};

static char shared[SHARED];
static size_t max_payload = 16 << 20;

static uint32_t number(const char *at) {
    uint32_t big;
    memcpy(&big, at, sizeof big);
    return ntohl(big);
}

static void die(const char *what) {
    perror(what);
    exit(2);
}

static void *allocate(size_t bytes) {
    void *memory = malloc(bytes);
    if (memory == NULL) die("malloc");
    return memory;
}

/* The work that a request asks for. */
static void work(const char *payload, size_t length) {
    if (length < MARK || (payload[0] != 'B' && payload[0] != 'C')) return;
    int64_t micros = (int32_t) number(payload + 1);
    if (micros <= 0) return;
    if (payload[0] == 'B') {
        struct timespec left = {micros / 1000000, micros % 1000000 * 1000};
        while (nanosleep(&left, &left) < 0 && errno == EINTR) {}
        return;
    }
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    int64_t end = now.tv_sec * 1000000000LL + now.tv_nsec + micros * 1000;
    do {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    } while (now.tv_sec * 1000000000LL + now.tv_nsec < end);
}

static bool is_marked(const char *payload, size_t length) {
    return length >= MARK && (payload[0] == 'B' || payload[0] == 'C');
}

static void forget(struct connection *c) {
    free(c->kept);
    c->kept = NULL;
    c->output = false;
    c->capacity = c->filled = c->sent = 0;
}

/* Memory for what is received next, with bytes in it already. */
static void keep(struct connection *c, const char *bytes, size_t count, size_t capacity) {
    c->kept = allocate(capacity);
    memcpy(c->kept, bytes, count);
    c->capacity = capacity;
    c->filled = count;
}

/* Returns how many bytes the kernel took, or -1 if the connection is lost. */
static ssize_t send_some(int fd, const char *bytes, size_t count) {
    size_t sent = 0;
    while (sent < count) {
        ssize_t n = send(fd, bytes + sent, count - sent, MSG_NOSIGNAL);
        if (n >= 0) {
            sent += n;
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return sent;
}

/* Sends shared[from, to), the answers so far; false if the connection is lost. Sets *stuck if it could not send all. */
static bool emit(struct connection *c, size_t from, size_t to, bool *stuck) {
    if (to == from) return true;
    ssize_t n = send_some(c->fd, shared + from, to - from);
    if (n < 0) return false;
    if ((size_t) n < to - from) {
        keep(c, shared + from + n, to - from - n, to - from - n);
        c->output = true;
        *stuck = true;
    }
    return true;
}

/* Keeps requests behind output that is stuck. */
static void keep_behind(struct connection *c, const char *bytes, size_t count) {
    if (count == 0) return;
    c->kept = realloc(c->kept, c->filled + count);
    if (c->kept == NULL) die("realloc");
    memcpy(c->kept + c->filled, bytes, count);
    c->capacity = c->filled + count;
}

/* Answers the complete frames in shared[0, end), and keeps the rest. Returns whether the connection lives. */
static bool answer(struct connection *c, size_t end) {
    size_t from = 0, at = 0;
    bool stuck = false;
    while (end - at >= HEADER) {
        size_t length = number(shared + at);
        if (length > max_payload) return false;
        if (end - at - HEADER < length) break;
        const char *payload = shared + at + HEADER;
        if (is_marked(payload, length)) {
            if (!emit(c, from, at, &stuck)) return false;
            from = at;
            if (stuck) break;
            work(payload, length);
        }
        at += HEADER + length;
    }
    if (!stuck && !emit(c, from, at, &stuck)) return false;
    if (stuck) {
        keep_behind(c, shared + at, end - at);
    } else if (at < end) {
        size_t total = end - at < HEADER ? HEADER : HEADER + (size_t) number(shared + at);
        keep(c, shared + at, end - at, total > LONG ? total : end - at);
    }
    return true;
}

/* Sends what is left. When all is sent, goes on with the requests behind it. */
static bool send_kept(struct connection *c) {
    ssize_t n = send_some(c->fd, c->kept + c->sent, c->filled - c->sent);
    if (n < 0) return false;
    c->sent += n;
    if (c->sent < c->filled) return true;
    char *behind = c->kept;
    size_t from = c->filled, end = c->capacity;
    c->kept = NULL;
    forget(c);
    bool alive = true;
    if (from < end) { /* less than the shared buffer: it came from there */
        memcpy(shared, behind + from, end - from);
        alive = answer(c, end - from);
    }
    free(behind);
    return alive;
}

/* Receives into the memory of a long frame. */
static ssize_t receive_long(struct connection *c, bool *drained) {
    size_t room = c->capacity - c->filled;
    ssize_t n = recv(c->fd, c->kept + c->filled, room, 0);
    if (n <= 0) return n;
    *drained = (size_t) n < room;
    c->filled += n;
    if (c->filled == c->capacity) {
        work(c->kept + HEADER, c->filled - HEADER);
        c->output = true;
        if (!send_kept(c)) return 0;
    }
    return n;
}

/* As recv(); also 0 if the connection is lost. */
static ssize_t receive(struct connection *c, bool *drained) {
    if (c->filled < c->capacity) return receive_long(c, drained);
    size_t before = c->filled;
    if (before > 0) memcpy(shared, c->kept, before);
    ssize_t n = recv(c->fd, shared + before, SHARED - before, 0);
    if (n <= 0) return n;
    *drained = (size_t) n < SHARED - before;
    if (before > 0) forget(c);
    return answer(c, before + n) ? n : 0;
}

/* Handles an edge: until the socket is drained, or takes no more. Returns whether the connection lives. */
static bool serve(struct connection *c, bool ended) {
    bool drained = false;
    while (!drained || ended) { /* no other edge will tell of an end that was there already */
        if (c->output) {
            if (!send_kept(c)) return false;
            if (c->output) return true; /* an edge will tell */
        }
        ssize_t n = receive(c, &drained);
        if (n == 0) return false;
        if (n < 0) {
            if (errno == EAGAIN) return true;
            if (errno != EINTR) return false;
        }
        if (c->output) drained = false;
    }
    return true;
}

static void accept_all(int listener, int epoll) {
    int one = 1, fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct connection *c = calloc(1, sizeof *c);
        if (c == NULL) die("calloc");
        c->fd = fd;
        struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = c}};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
    }
}

static int listen_on(int port) {
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(fd, (struct sockaddr *) &address, length) < 0 || listen(fd, 1 << 16) < 0) die("listen");
    getsockname(fd, (struct sockaddr *) &address, &length);
    printf("LISTENING %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void command(void) {
    char line[256];
    ssize_t n = read(STDIN_FILENO, line, sizeof line);
    if (n <= 0) exit(0);
    for (ssize_t i = 0; i < n; i++) {
        if (line[i] == '\n') {
            puts("{\"gcPauseMillis\":0,\"gcCount\":0,\"allocatedBytes\":0,\"notes\":\"no garbage collector\",\"counters\":{}}");
        }
    }
    fflush(stdout);
}

int main(int argc, char **argv) {
    int port = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--port") == 0) port = atoi(argv[i + 1]);
        if (strcmp(argv[i], "--max-payload") == 0) max_payload = strtoul(argv[i + 1], NULL, 10);
    }
    mallopt(M_MMAP_THRESHOLD, 64 << 20); /* memory of long frames is used again, not given back to the kernel */
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    int listener = listen_on(port);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    static struct connection listening, input; /* their addresses tell them apart */
    struct epoll_event event = {EPOLLIN, {.ptr = &listening}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) die("epoll_ctl");
    event.data.ptr = &input;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0) exit(0); /* a file: it has ended already */
    static struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (c == &listening) {
                accept_all(listener, epoll);
            } else if (c == &input) {
                command();
            } else if (!serve(c, events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
                close(c->fd);
                forget(c);
                free(c);
            }
        }
    }
}
