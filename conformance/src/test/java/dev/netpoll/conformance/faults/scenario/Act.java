// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults.scenario;

/** What is done while a fault strikes; may throw anything. */
interface Act {
    void run() throws Exception;
}
