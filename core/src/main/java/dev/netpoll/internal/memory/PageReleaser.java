// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

/** Returns pages to the system while their addresses stay ours. Installed by code that can call the system. */
@FunctionalInterface
public interface PageReleaser {
    /**
     * Releases the pages that lie wholly inside a range of private memory of this process. Their content is lost; they
     * come back, zeroed, when they are touched again. Must not throw.
     *
     * @return whether it was done
     */
    boolean release(long address, long bytes);
}
