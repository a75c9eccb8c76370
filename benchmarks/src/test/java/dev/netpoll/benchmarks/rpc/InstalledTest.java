// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InstalledTest {
    private final Installed installed = new Installed();

    @Test
    void oursAreListedFirstByBackend() {
        assertThat(names(installed.servers()))
                .startsWith(
                        "netpoll-adaptive",
                        "netpoll-inline",
                        "netpoll-virtual",
                        "netpoll-uring-adaptive",
                        "netpoll-uring-inline",
                        "netpoll-uring-virtual",
                        "netpoll-nio-adaptive",
                        "netpoll-nio-inline",
                        "netpoll-nio-virtual");
        assertThat(names(installed.clients())).startsWith("netpoll", "netpoll-uring");
    }

    @Test
    void whoAsksForNobodyGetsIoUringRightBehindEpoll() {
        assertThat(installed.usualServers(false))
                .startsWith(
                        "netpoll-adaptive",
                        "netpoll-inline",
                        "netpoll-uring-adaptive",
                        "netpoll-uring-inline",
                        "netpoll-uring-virtual");
        assertThat(installed.usualServers(true)).startsWith("netpoll-adaptive", "netpoll-uring-adaptive");
        assertThat(installed.usualClients(false)).startsWith("netpoll", "netpoll-uring");
        assertThat(installed.usualClients(true)).startsWith("netpoll", "netpoll-uring");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theUsualOnesExist(boolean quick) {
        assertThat(names(installed.servers())).containsAll(installed.usualServers(quick));
        assertThat(names(installed.clients())).containsAll(installed.usualClients(quick));
    }

    private static List<String> names(List<Candidate> candidates) {
        return candidates.stream().map(Candidate::name).toList();
    }
}
