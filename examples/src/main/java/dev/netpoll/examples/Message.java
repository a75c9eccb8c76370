// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

/**
 * The object that a frame is decoded to. Its body is bytes rather than text, so that any payload survives the way there
 * and back.
 */
final class Message {
    private final byte[] body;

    /** Takes over the array. */
    Message(byte[] body) {
        this.body = body;
    }

    /** {@return the body itself, not a copy} */
    byte[] body() {
        return body;
    }
}
