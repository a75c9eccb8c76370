// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;

/** Entry of the launcher. A usage error is one line on standard error and exit status 2. */
@Command(
        name = "netpoll",
        description = "Programs that show what Netpoll for Java does.",
        mixinStandardHelpOptions = true,
        version = "0.1.0-SNAPSHOT")
public final class Main implements Runnable {
    @CommandLine.Spec
    private CommandLine.Model.@org.jspecify.annotations.Nullable CommandSpec spec;

    /** Started by the launcher with the command and its arguments. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Main())
                .setParameterExceptionHandler(Main::reportUsageError)
                .execute(args));
    }

    @Override
    public void run() {
        throw new ParameterException(java.util.Objects.requireNonNull(spec).commandLine(), "missing command");
    }

    private static int reportUsageError(ParameterException error, String[] args) {
        CommandLine command = error.getCommandLine();
        String name = command.getCommandSpec().qualifiedName();
        command.getErr().println(name + ": " + error.getMessage() + " (try '" + name + " --help')");
        return CommandLine.ExitCode.USAGE;
    }
}
