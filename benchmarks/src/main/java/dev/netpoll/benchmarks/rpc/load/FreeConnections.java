// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import org.jspecify.annotations.Nullable;

/**
 * The connections that may take a request of an open loop, longest free first, each as often as it has room in its
 * pipeline. One that broke is passed over until {@link #refill}.
 */
final class FreeConnections {
    private final LoadConnection[] ring;
    private final int pipeline;
    private int head;
    private int size;

    FreeConnections(int connections, int pipeline) {
        this.pipeline = pipeline;
        ring = new LoadConnection[connections * pipeline];
    }

    boolean isEmpty() {
        return size == 0;
    }

    void push(LoadConnection connection) {
        if (connection.tokens < pipeline) {
            connection.tokens++;
            int tail = head + size++;
            ring[tail < ring.length ? tail : tail - ring.length] = connection;
        }
    }

    /** A connection has a new socket, and nothing on its way. */
    void refill(LoadConnection connection) {
        while (connection.tokens < pipeline) {
            push(connection);
        }
    }

    @Nullable
    LoadConnection pop() {
        while (size > 0) {
            LoadConnection connection = ring[head];
            head = head + 1 < ring.length ? head + 1 : 0;
            size--;
            connection.tokens--;
            if (connection.state == LoadConnection.OPEN) {
                return connection;
            }
        }
        return null;
    }
}
