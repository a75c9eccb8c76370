// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import java.util.List;
import java.util.Map;

/** What there is to measure, and to measure with. */
interface Catalog {
    /** All servers, best known first. */
    List<Candidate> servers();

    /** All clients. */
    List<Candidate> clients();

    /** The servers to measure if nothing else is said. */
    List<String> usualServers(boolean quick);

    /** The clients to measure if nothing else is said. */
    List<String> usualClients(boolean quick);

    /** The command of the load generator. */
    List<String> load();

    /** Names and versions of what is compared. */
    Map<String, String> versions();
}
