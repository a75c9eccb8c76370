// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.EventLoopGroup;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.StreamReader;
import dev.netpoll.internal.poll.Child;
import java.io.InputStream;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is said of a limit that is none; in a JVM of its own. */
class PoolLimitTest {
    @ParameterizedTest
    @ValueSource(strings = {"abc", "-1", "0", "", "8t", "99999999999999g"})
    void eachUseNamesThePropertyThatIsWrong(String value) throws Exception {
        Child.run(PoolLimitTest.class, List.of("-Ddev.netpoll.memory.max=" + value));
    }

    /** The child. */
    public static void main(String[] args) {
        EventLoopGroup.builder();
        for (int i = 0; i < 3; i++) {
            assertInvalid(LinkBuffer::new);
            assertInvalid(() -> StreamReader.of(InputStream.nullInputStream()));
        }
        System.out.println(Child.DONE);
    }

    private static void assertInvalid(Callable<?> use) {
        try {
            use.call();
        } catch (Exception e) {
            assertThat(e).isInstanceOf(IllegalArgumentException.class).hasMessageContaining(PoolLimit.PROPERTY);
            return;
        }
        throw new AssertionError("was not refused");
    }
}
