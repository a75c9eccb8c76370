// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Option;

/**
 * Runs the server of one peer until its standard input ends. Prints {@code LISTENING} and the port; answers each line
 * {@code stats} with a line of JSON. Exit status 2, and the reason on standard error, if the peer cannot run here.
 */
@Command(name = "ServerMain", mixinStandardHelpOptions = true)
public final class ServerMain implements Callable<Integer> {
    private static final ObjectMapper JSON = new ObjectMapper();

    @Option(names = "--list", description = "Print the peers: name, kind, description.")
    private boolean list;

    @Option(names = "--peer", paramLabel = "NAME", description = "Which peer to run.")
    private @Nullable String peer;

    @Option(names = "--port", paramLabel = "N", defaultValue = "0", description = "Where to listen; 0 is a free port.")
    private int port;

    @Option(
            names = "--max-payload",
            paramLabel = "N",
            defaultValue = "16777216",
            description = "Bytes of the longest payload.")
    private int payloadBytesMax;

    /** Starts it. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new ServerMain()).execute(args));
    }

    @Override
    public Integer call() throws IOException {
        if (list) {
            ServerPeers.all().forEach(it -> say(it.name() + "\t" + it.kind() + "\t" + it.description()));
            return ExitCode.OK;
        }
        Work.prepare();
        EchoServer server;
        try {
            server = peer == null ? null : ServerPeers.server(peer);
            if (server == null) {
                return fail("there is no such peer; see --list");
            }
            say("LISTENING " + server.start(EchoServer.loopback(port), payloadBytesMax));
        } catch (UnsupportedOperationException e) {
            return fail(String.valueOf(e.getMessage()));
        }
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            say(line.equals("stats") ? stats(server) : "{\"error\":\"unknown command\"}");
        }
        return ExitCode.OK;
    }

    private int fail(String reason) {
        System.err.println(peer + ": " + reason.strip().replaceAll("\\s*\\R\\s*", " "));
        return ExitCode.USAGE;
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    private static String stats(EchoServer server) throws IOException {
        long pauseMillis = 0;
        long collections = 0;
        for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
            pauseMillis += collector.getCollectionTime();
            collections += collector.getCollectionCount();
        }
        long allocated = ManagementFactory.getThreadMXBean() instanceof com.sun.management.ThreadMXBean threads
                ? threads.getTotalThreadAllocatedBytes()
                : -1;
        ObjectNode stats = JSON.createObjectNode();
        stats.put("gcPauseMillis", pauseMillis);
        stats.put("gcCount", collections);
        stats.put("allocatedBytes", allocated);
        stats.put("notes", "heap allocations only; those of virtual threads count for their carriers");
        stats.putPOJO("counters", server.counters());
        return JSON.writeValueAsString(stats);
    }
}
