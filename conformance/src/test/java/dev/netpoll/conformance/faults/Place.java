// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

/**
 * Where a fault can strike: a site in the code together with who called.
 *
 * @param site the site's number
 * @param context tells callers apart
 * @param errno the error number of a system call that fails, else 0
 * @param where names the place, the callers after it
 */
public record Place(FaultKind kind, int site, long context, int errno, String where) {
    /** {@return the site without who called it} */
    public String code() {
        int end = where.indexOf(" < ");
        return end < 0 ? where : where.substring(0, end);
    }

    @Override
    public String toString() {
        return kind.name().toLowerCase(java.util.Locale.ROOT) + (errno == 0 ? "" : " " + Errors.name(errno)) + " at "
                + where;
    }
}
