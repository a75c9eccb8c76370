// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

import java.util.List;
import java.util.Locale;

/**
 * Where a fault can strike: a site in the code together with who called.
 *
 * @param number the how many-th it was, in order of the first visits
 * @param site the site's number
 * @param context tells callers apart
 * @param errno the error number of a system call that fails, else 0
 * @param where names the site
 * @param callers names who called
 */
public record Place(FaultKind kind, int number, int site, long context, int errno, String where, String callers) {
    /** What goes with a loop. */
    private static final List<String> OF_A_LOOP = List.of(
            "connections that were not touched", "connections of the group", "the next client", "the next dial");

    /** {@return what fails, whoever called} */
    String line() {
        return kind.name().toLowerCase(Locale.ROOT) + (errno == 0 ? "" : " " + Errors.name(errno)) + " at " + where;
    }

    /** {@return what is left of the effects without those that are in order} A loop that cannot wait may end. */
    List<String> tolerate(List<String> effects) {
        if (kind != FaultKind.SYSTEM || errno == Errors.EINTR || !Errors.isWait(where)) {
            return effects;
        }
        return effects.stream()
                .filter(effect -> OF_A_LOOP.stream().noneMatch(effect::startsWith))
                .toList();
    }

    @Override
    public String toString() {
        return line() + callers;
    }
}
