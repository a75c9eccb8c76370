// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/**
 * Gives the other packages of this module access to package-private methods of the public buffer package. The buffer
 * class installs an implementation when it is initialised. So this package does not depend on it, and users don't see
 * the methods.
 *
 * @param <B> the buffer class
 */
public abstract class BufferAccess<B> {
    private static volatile @Nullable BufferAccess<?> installed;

    /** For the buffer class. */
    protected BufferAccess() {}

    /** Called once, by the static initialiser of the buffer class. */
    public static void install(BufferAccess<?> access) {
        if (installed != null) {
            throw new IllegalStateException("installed already");
        }
        installed = access;
    }

    /**
     * The access to buffers of {@code type}. Keep it in a {@code static final} field.
     *
     * @param type the buffer class, and no other
     */
    @SuppressWarnings("unchecked") // there is one buffer class, and it installs an access to itself
    public static <B> BufferAccess<B> of(Class<B> type) {
        try {
            MethodHandles.lookup().ensureInitialized(type);
        } catch (IllegalAccessException e) {
            throw new IllegalArgumentException(type + " is no buffer class", e);
        }
        BufferAccess<?> access = installed;
        if (access == null || access.type() != type) {
            throw new IllegalArgumentException(type + " is no buffer class");
        }
        return (BufferAccess<B>) access;
    }

    /** The buffer class. */
    protected abstract Class<B> type();

    /**
     * Creates a buffer that owns {@code chain} as readable bytes and takes further memory from {@code pool}. If there
     * is no heap for a buffer, it frees the chain.
     */
    public abstract B wrap(SegmentPool pool, @Nullable Segment chain);

    /**
     * Adds a chain, which belongs to the buffer from now on, to its readable bytes. Does not fail: a caller whose bytes
     * must not be lost creates an empty buffer first.
     */
    public abstract void add(B buffer, @Nullable Segment chain);

    /**
     * Takes all bytes, the readable ones before the pending ones, as a chain that belongs to the caller; null when
     * there are none. The views of the buffer end; it stays usable.
     *
     * @throws IllegalStateException if the buffer is closed
     */
    public abstract @Nullable Segment take(B buffer);

    /**
     * Creates a reader that waits until {@code source} has the bytes that an operation needs.
     *
     * @param type the interface of readers, which this package does not know
     */
    public abstract <R> R reader(Class<R> type, ByteSource source);

    /**
     * Creates a writer into {@code sink}.
     *
     * @param type the interface of writers, which this package does not know
     */
    public abstract <W> W writer(Class<W> type, ByteSink sink);
}
