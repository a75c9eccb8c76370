// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

/** Why a loop got another driver. */
public enum Relief {
    /** User code was about to wait inside a call of this library, and handed the loop over. */
    HANDED_OVER,
    /** User code was found waiting: in a lock, in sleep, in a socket. */
    BLOCKED,
    /** User code was found running for too long. */
    BURNING,
    /** The thread that drove the loop died of an error, or could not be started. */
    DIED,
    /** The driver, a virtual thread, was not scheduled: other code holds all carriers. */
    STARVED,
    /** Carriers are free again, so the stand-in on a platform thread gives the loop back. */
    RETURNED
}
