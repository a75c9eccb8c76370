// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import org.jspecify.annotations.Nullable;

/** Something that a poller can go on with in a later turn: see {@link Turns}. Loop only. */
public interface Continuable {
    /** {@return what {@link #nextContinued(Continuable)} was told last, at first null} */
    @Nullable
    Continuable nextContinued();

    /** Keeps the link of the list it is in. */
    void nextContinued(@Nullable Continuable next);

    /** The later turn has come; it is in no list any more. */
    void continueTurn();

    /** Its turn or its event threw this: it has to fail, alone. Must not throw. */
    void crashed(Throwable thrown);
}
