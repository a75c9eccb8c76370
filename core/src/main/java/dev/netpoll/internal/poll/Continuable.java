// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import org.jspecify.annotations.Nullable;

/** Something that a poller can continue in a later turn; see {@link Turns}. Loop only. */
public interface Continuable {
    /** {@return the link that {@link #nextContinued(Continuable)} set last, at first null} */
    @Nullable
    Continuable nextContinued();

    /** Sets the link of the list that contains this. */
    void nextContinued(@Nullable Continuable next);

    /** The later turn has come; this is in no list any more. */
    void continueTurn();

    /** Its turn or event threw this: it must fail, without harm to others. Must not throw. */
    void crashed(Throwable thrown);
}
