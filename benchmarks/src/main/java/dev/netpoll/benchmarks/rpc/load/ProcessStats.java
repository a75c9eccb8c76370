// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.sun.management.ThreadMXBean;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;

/** What this process has spent since its start. */
final class ProcessStats {
    private ProcessStats() {}

    static String toJson() {
        long millis = 0;
        long count = 0;
        for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
            millis += Math.max(0, collector.getCollectionTime());
            count += Math.max(0, collector.getCollectionCount());
        }
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        return JsonNodeFactory.instance
                .objectNode()
                .put("gcPauseMillis", millis)
                .put("gcCount", count)
                .put("allocatedBytes", threads.getTotalThreadAllocatedBytes())
                .put("notes", "heap allocations only; those of virtual threads count for their carriers")
                .toString();
    }
}
