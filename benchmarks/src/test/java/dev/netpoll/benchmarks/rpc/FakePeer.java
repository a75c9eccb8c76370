// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A process that behaves like a server, a client or a load generator, but makes no connection.
 * A server's port tells the
 * load what to find there: {@link #WRONG}.
 */
public final class FakePeer {
    static final int RIGHT = 1;
    static final int WRONG = 666;

    private static final Pattern PORT = Pattern.compile("\"port\":(\\d+)");
    private static final Pattern CONNECTIONS = Pattern.compile("\"connections\":(\\d+)");

    private FakePeer() {}

    /** The first argument is what to be: {@code server PORT}, {@code load}, {@code cannot}. */
    public static void main(String[] args) throws IOException {
        switch (args[0]) {
            case "server" -> {
                System.out.println("LISTENING " + args[1]);
                obey();
            }
            case "cannot" -> {
                System.err.println("this kernel is too old");
                System.exit(2);
            }
            default -> obey();
        }
    }

    private static void obey() throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        int asked = 0;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            if (line.equals("stats") || line.contains("\"stats\"")) {
                asked++;
                System.out.println(stats(asked));
            } else {
                System.out.println("# 1 1000");
                System.out.println("BEGIN");
                System.out.println("END");
                System.out.println(answer(number(PORT, line), number(CONNECTIONS, line)));
            }
        }
    }

    private static String stats(int asked) {
        return "{\"gcPauseMillis\":" + asked + ",\"gcCount\":" + asked + ",\"allocatedBytes\":" + asked * 1000
                + ",\"notes\":\"\",\"counters\":{\"turns\":" + asked + "}}";
    }

    private static int number(Pattern pattern, String line) {
        Matcher matcher = pattern.matcher(line);
        return matcher.find() ? Integer.parseInt(matcher.group(1)) : 0;
    }

    private static String answer(int port, int connections) {
        int wrong = port == WRONG ? 3 : 0;
        return "{\"requests\":1000,\"seconds\":1.0,\"throughput\":" + (1000 + port + connections)
                + ",\"errors\":" + wrong + ",\"wrong\":" + wrong + ",\"timeouts\":0,\"firstError\":\""
                + (wrong > 0 ? "request 7 was answered with 8" : "")
                + "\",\"latency\":{\"p50\":1000,\"p90\":2000,\"p99\":3000,\"p999\":4000,\"max\":5000,\"mean\":1500},"
                + "\"loadCpuSeconds\":0.5,\"measuredSeconds\":1.0,\"markBegin\":1,\"behind\":0,\"unknown\":1}";
    }
}
