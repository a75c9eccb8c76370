// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A thread that drives a loop for one epoch of its {@link Baton}: until the loop ends, or another driver takes over.
 * Afterwards it finishes the user code it is in, if any, and ends.
 */
final class Driver implements Runnable {
    /** So that a thread can be asked what it drives. */
    private static final class DriverThread extends Thread {
        final Driver driver;

        DriverThread(Driver driver, String name, boolean daemon) {
            super(null, driver, name, 0, false);
            this.driver = driver;
            setDaemon(daemon);
        }
    }

    final EventLoop loop;
    final long epoch;
    final Thread thread;

    /** Whether it is a platform thread in place of a virtual one that finds no carrier. */
    final boolean isStandIn;

    /** Whether it takes one of the places that the supervisor has for extra threads. */
    volatile boolean countsAsStandIn;

    /** Held by who is about to pass its baton on: the supervisor and the driver may want to at the same time. */
    private final AtomicBoolean claimed = new AtomicBoolean();

    private Driver(EventLoop loop, long epoch, boolean isStandIn, @Nullable String platformName, boolean daemon) {
        this.loop = loop;
        this.epoch = epoch;
        this.isStandIn = isStandIn;
        this.thread = platformName == null
                ? Thread.ofVirtual().name(loop.name()).unstarted(this)
                : new DriverThread(this, platformName, daemon);
    }

    static Driver virtual(EventLoop loop, long epoch) {
        return new Driver(loop, epoch, false, null, true);
    }

    static Driver platform(EventLoop loop, long epoch, boolean daemon) {
        return new Driver(loop, epoch, false, loop.name(), daemon);
    }

    static Driver standIn(EventLoop loop, long epoch) {
        return new Driver(loop, epoch, true, loop.name() + "-stand-in", true);
    }

    /** {@return what the calling thread drives, or has driven and not yet left, or null} */
    static @Nullable Driver current() {
        Thread current = Thread.currentThread();
        if (current.isVirtual()) {
            return VirtualDrivers.find(current);
        }
        return current instanceof DriverThread it ? it.driver : null;
    }

    /** {@return whether the caller alone may now try to pass the baton on} If it fails to, it has to unclaim. */
    boolean claim() {
        return claimed.compareAndSet(false, true);
    }

    void unclaim() {
        claimed.set(false);
    }

    /** Starts the thread; once. */
    void start() {
        if (thread.isVirtual()) {
            VirtualDrivers.add(this);
        }
        thread.start();
    }

    @Override
    public void run() {
        try {
            loop.drive(this);
        } finally {
            if (thread.isVirtual()) {
                VirtualDrivers.remove(this);
            }
            Watchman.ended(this, loop.supervisor);
        }
    }
}
