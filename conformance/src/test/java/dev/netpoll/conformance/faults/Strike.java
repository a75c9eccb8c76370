// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Lets one place fail, once. Any thread. */
public final class Strike implements Arming {
    private final Place place;
    private final int callers;
    private final AtomicBoolean struck = new AtomicBoolean();
    private volatile @Nullable Throwable stack;

    /** Makes one that looks at so many callers. */
    Strike(Place place, int callers) {
        this.place = place;
        this.callers = callers;
    }

    /** {@return whether the place was passed} */
    public boolean hasStruck() {
        return struck.get();
    }

    /** {@return the stack of the thread that was struck} */
    @Nullable
    Throwable stack() {
        return stack;
    }

    @Override
    public int visit(FaultKind kind, int site, int[] errnos) {
        if (site != place.site() || kind != place.kind() || struck.get()) {
            return 0;
        }
        Callers.Found found = Callers.find(callers);
        if (found == null
                || found.context() != place.context()
                || (kind == FaultKind.OVERFLOW && found.depth() < 0)
                || !struck.compareAndSet(false, true)) {
            return 0;
        }
        stack = new Throwable("struck " + Thread.currentThread());
        return kind == FaultKind.SYSTEM ? place.errno() : 1;
    }
}
