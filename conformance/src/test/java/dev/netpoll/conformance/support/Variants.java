// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Narrows the variants of a test class whose subject does not depend on the rest, or does not exist there. Every use is
 * explained in docs/TESTING.md.
 */
@Documented
@Inherited
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
public @interface Variants {
    /** The backends to run on. */
    String[] backends() default {"epoll", "io_uring", "nio"};

    /** The transports to run on. */
    Transport[] transports() default {Transport.TCP4, Transport.TCP6, Transport.UNIX};

    /** The modes to run in. */
    Mode[] modes() default {Mode.ADAPTIVE, Mode.VIRTUAL, Mode.INLINE};
}
