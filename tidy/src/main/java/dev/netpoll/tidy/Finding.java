// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.tidy;

/** What a rule has against a line of a file, printed the way editors and terminals can jump to. */
record Finding(String path, int line, String message) {
    static Finding at(SourceFile file, int line, String message) {
        return new Finding(file.path(), line, message);
    }

    @Override
    public String toString() {
        return path + ":" + line + ": " + message;
    }
}
