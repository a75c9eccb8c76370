// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** What lives on a loop. Residents know their place, so that leaving costs no search. Loop only, but for the count. */
final class Residents {
    private final List<EventLoop.Resident> all = new ArrayList<>();
    private volatile int count;

    void add(EventLoop.Resident resident) {
        resident.index = all.size();
        all.add(resident);
        count = all.size();
    }

    /** Lets one go; does nothing if it is not in. */
    void remove(EventLoop.Resident resident) {
        int hole = resident.index;
        if (hole < 0) {
            return;
        }
        resident.index = -1;
        EventLoop.Resident last = all.removeLast();
        if (last != resident) {
            all.set(hole, last);
            last.index = hole;
        }
        count = all.size();
    }

    /** Calls {@code action} for each; the action may remove it. */
    void forEach(Consumer<? super EventLoop.Resident> action) {
        for (EventLoop.Resident resident : List.copyOf(all)) {
            action.accept(resident);
        }
    }

    /** {@return how many there are} Any thread. */
    int count() {
        return count;
    }
}
