// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads what Linux reports about a platform thread of this process. On other systems nothing is known. */
final class SystemThread {
    /** Not known. */
    static final int NONE = 0;

    private static final String TASKS = "/proc/self/task/";

    /** Enough for name and state, which come first; see proc_pid_stat(5). */
    private static final int BEGINNING = 64;

    private SystemThread() {}

    /** {@return the number of the calling thread, or {@link #NONE}} */
    static int current() {
        try {
            Path link = Files.readSymbolicLink(Path.of("/proc/thread-self"));
            return Integer.parseInt(link.getFileName().toString());
        } catch (IOException | RuntimeException | Error e) { // another system; or no descriptor or memory left
            return NONE;
        }
    }

    /** {@return whether the thread has a processor or waits for one, and for nothing else} */
    static boolean isReady(int number) {
        try (FileInputStream file = new FileInputStream(TASKS + number + "/stat")) {
            byte[] read = new byte[BEGINNING];
            int length = file.read(read);
            for (int i = length - 3; i > 0; i--) {
                if (read[i] == ')') { // the last one: the name may contain others
                    return read[i + 2] == 'R';
                }
            }
        } catch (IOException | RuntimeException | Error e) {
            // most likely the thread has ended
        }
        return false;
    }
}
