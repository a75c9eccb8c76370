// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.internal.transport.ListenOptions;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** A listening descriptor that no socket can be made of is closed. */
@EnabledOnOs(OS.LINUX)
class BinderTest {
    private static final ListenOptions OPTIONS = new ListenOptions(0, false, true);

    @Test
    void theAddressIsFreeAfterAnError() {
        AtomicReference<SocketAddress> address =
                new AtomicReference<>(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        for (int i = 0; i < 3; i++) { // the second could not have the address
            assertThatThrownBy(() -> Binder.bind(address.get(), OPTIONS, bound -> {
                        address.set(bound.address());
                        throw new OutOfMemoryError("injected");
                    }))
                    .isInstanceOf(OutOfMemoryError.class);
        }
    }
}
