// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Notes the places that are passed, in the order in which they are passed first. Any thread. */
final class Recording implements Arming {
    private final Set<FaultKind> kinds;
    private final int callers;
    private final ConcurrentHashMap<Long, Boolean> known = new ConcurrentHashMap<>();
    private final List<Place> places = new ArrayList<>();
    private final ThreadLocal<int[]> deepest = ThreadLocal.withInitial(() -> new int[1]);

    /** Makes one for these kinds of faults that looks at so many callers. */
    Recording(Set<FaultKind> kinds, int callers) {
        this.kinds = kinds;
        this.callers = callers;
    }

    List<Place> places() {
        synchronized (places) {
            return List.copyOf(places);
        }
    }

    @Override
    public int visit(FaultKind kind, int site, int[] errnos) {
        if (!kinds.contains(kind) || errnos.length == 0) {
            return 0;
        }
        Callers.Found found = Callers.find(callers);
        if (found == null || (kind == FaultKind.OVERFLOW && !isDeeper(found.depth()))) {
            return 0;
        }
        if (known.putIfAbsent(31 * (31 * found.context() + site) + kind.name().hashCode(), true) == null) {
            String who = Callers.describe(callers);
            synchronized (places) {
                for (int errno : errnos) {
                    int number = places.size() + 1;
                    places.add(new Place(kind, number, site, found.context(), errno, Faults.name(site), who));
                }
            }
        }
        return 0;
    }

    private boolean isDeeper(int depth) {
        if (depth < 0) {
            return false;
        }
        int[] before = deepest.get();
        if (depth == 1) {
            before[0] = 0; // the user's next call
        }
        if (depth <= before[0]) {
            return false;
        }
        before[0] = depth;
        return true;
    }
}
