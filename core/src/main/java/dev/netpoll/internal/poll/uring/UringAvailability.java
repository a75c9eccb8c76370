// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import dev.netpoll.internal.poll.posix.Platform;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Checks whether io_uring can be used. The answer is remembered, unless memory, descriptors or threads were short: then
 * the next call checks again. Links no function unless everything else is in order.
 */
final class UringAvailability {
    private static final Path DISABLED = Path.of("/proc/sys/kernel/io_uring_disabled");

    private static volatile @Nullable Answer answer;

    /**
     * What the check has found.
     *
     * @param reason why io_uring can't be used, or null
     * @param features those of this kernel, if it can
     * @param isLasting whether the next check would find the same
     */
    private record Answer(@Nullable String reason, @Nullable Features features, boolean isLasting) {}

    private UringAvailability() {}

    /** {@return why io_uring can't be used, or null} */
    static @Nullable String reason() {
        return answer().reason;
    }

    /**
     * {@return the features of this kernel's io_uring}
     *
     * @throws UnsupportedOperationException if io_uring is not available
     */
    static Features features() {
        Answer found = answer();
        Features features = found.features;
        if (features == null) {
            throw new UnsupportedOperationException("the io_uring backend cannot be had: " + found.reason);
        }
        return features;
    }

    private static Answer answer() {
        Answer known = answer;
        if (known == null) {
            known = find();
            if (known.isLasting) {
                answer = known;
            }
        }
        return known;
    }

    private static Answer find() {
        String reason = Platform.reasonAgainst(UringMechanism.NAME);
        if (reason != null) {
            return new Answer(reason, null, true);
        }
        Features features = null;
        Throwable failure;
        try {
            SelfTest test = new SelfTest();
            failure = run(test);
            features = test.features();
        } catch (Throwable t) { // whatever it is, io_uring is not available
            failure = t;
        }
        return switch (failure) {
            case null -> new Answer(null, features, true);
            case TransportException e -> new Answer(describe(e, disabled()), null, !Errno.isShortage(e.errno()));
            case OutOfMemoryError e -> new Answer(failed(e), null, false);
            case StackOverflowError e -> new Answer(failed(e), null, false);
            default -> new Answer(failed(failure), null, true);
        };
    }

    /** Runs the test on a separate thread, as it binds a ring; {@return its failure, or null} */
    private static @Nullable Throwable run(SelfTest test) {
        Thread thread =
                Thread.ofPlatform().name("netpoll-io_uring-test").daemon().start(test);
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return test.failure();
    }

    private static String failed(Throwable failure) {
        return "io_uring failed its self-test with " + failure + ": use the epoll backend";
    }

    /** {@return a sentence that says why io_uring is not available, and what to do} */
    static String describe(TransportException failure, String disabled) {
        return "io_uring failed its self-test, "
                + failure.getMessage()
                + ". "
                + switch (failure.errno()) {
                    case Errno.EPERM -> forbidden(disabled);
                    case Errno.ENOSYS -> "This kernel has no io_uring, or a sandbox hides it: use the epoll backend";
                    case Errno.ENOMEM ->
                        "There is no memory, or the limit of locked memory is too low: raise it (ulimit -l) or use"
                                + " the epoll backend";
                    case Errno.EMFILE, Errno.ENFILE ->
                        "Raise the limit of open files (ulimit -n) or use the epoll backend";
                    case Errno.EINVAL -> tooOld();
                    default -> "Use the epoll backend";
                };
    }

    private static String tooOld() {
        return "It needs Linux 6.1 or newer, this is " + System.getProperty("os.version") + ": use the epoll backend";
    }

    private static String forbidden(String disabled) {
        return switch (disabled) {
            case "1" ->
                "The setting kernel.io_uring_disabled is 1: only members of kernel.io_uring_group may use it, and"
                        + " processes with CAP_SYS_ADMIN; use the epoll backend or change it (sysctl)";
            case "2" ->
                "The setting kernel.io_uring_disabled is 2: nobody may use it; use the epoll backend or change it"
                        + " (sysctl)";
            default ->
                "A sandbox forbids it, as the default seccomp profiles of container engines do: allow io_uring_setup,"
                        + " io_uring_enter and io_uring_register, or use the epoll backend";
        };
    }

    /** {@return the value of the setting, or an empty string on kernels before 6.6, which lack it} */
    private static String disabled() {
        try (InputStream in = Files.newInputStream(DISABLED)) {
            return new String(in.readNBytes(16), StandardCharsets.US_ASCII).strip();
        } catch (IOException e) {
            return "";
        }
    }
}
