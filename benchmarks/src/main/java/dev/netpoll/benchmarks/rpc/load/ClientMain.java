// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

/** A client under test as a process: {@link CommandLoop} on standard input and output. */
public final class ClientMain {
    private ClientMain() {}

    /** Arguments: {@code --client NAME} obeys until the input ends; {@code --list} prints the clients. */
    public static void main(String[] args) throws Exception {
        if (args.length == 1 && args[0].equals("--list")) {
            ClientPeers.all().forEach(peer -> System.out.println(peer.name() + "\tclient\t" + peer.description()));
            return;
        }
        if (args.length != 2 || !args[0].equals("--client")) {
            throw refused("usage: ClientMain --client NAME | --list");
        }
        ClientPeers.Peer peer = ClientPeers.find(args[1]).orElseThrow(() -> refused("no such client: " + args[1]));
        String obstacle = peer.obstacle();
        if (obstacle != null) {
            throw refused(obstacle);
        }
        new CommandLoop(System.out, (plan, lines) -> ClientRun.run(peer, plan, lines)).obey(System.in);
        System.exit(0);
    }

    private static IllegalStateException refused(String message) {
        System.err.println(message);
        System.exit(2);
        return new IllegalStateException(message);
    }
}
