// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.poll.nio.NioMechanism;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class VirtualDriversTest {
    private EventLoop loop;

    @BeforeEach
    void open() throws IOException {
        loop = new EventLoop(new NioMechanism().openPoller(), "never-started", true);
    }

    @AfterEach
    void close() {
        loop.stop();
    }

    @Test
    void eachThreadFindsItsOwnDriverAndOthersFindNone() {
        List<Driver> drivers = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            Driver driver = Driver.virtual(loop, i);
            VirtualDrivers.add(driver);
            drivers.add(driver);
        }
        for (Driver driver : drivers) {
            assertThat(VirtualDrivers.find(driver.thread)).isSameAs(driver);
        }
        assertThat(VirtualDrivers.find(Thread.ofVirtual().unstarted(() -> {}))).isNull();
        for (int i = 0; i < drivers.size(); i += 2) {
            VirtualDrivers.remove(drivers.get(i));
        }
        for (int i = 0; i < drivers.size(); i++) {
            assertThat(VirtualDrivers.find(drivers.get(i).thread))
                    .as("driver %d", i)
                    .isSameAs(i % 2 == 0 ? null : drivers.get(i));
        }
        drivers.forEach(VirtualDrivers::remove);
        for (Driver driver : drivers) {
            assertThat(VirtualDrivers.find(driver.thread)).isNull();
        }
    }

    @Test
    void whoDrivesNothingHasNoDriver() throws InterruptedException {
        List<Object> found = new ArrayList<>();
        Thread.startVirtualThread(() -> found.add(Driver.current() == null && !EventLoop.onLoop()))
                .join();
        assertThat(found).containsExactly(true);
        assertThat(Driver.current()).isNull();
    }
}
