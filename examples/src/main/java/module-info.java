// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** The example programs, and the commands behind the netpoll launcher. */
@SuppressWarnings("requires-automatic") // HdrHistogram is not a module yet
module dev.netpoll.examples {
    requires dev.netpoll;
    requires info.picocli;
    requires java.logging;
    requires HdrHistogram;
    requires static org.jspecify;

    opens dev.netpoll.examples to
            info.picocli;
}
