// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** The example programs, and the commands behind the netpoll launcher. */
module dev.netpoll.examples {
    requires dev.netpoll;
    requires info.picocli;
    requires static org.jspecify;

    opens dev.netpoll.examples to
            info.picocli;
}
