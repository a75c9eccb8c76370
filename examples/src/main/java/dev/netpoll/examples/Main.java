// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import java.lang.module.ModuleDescriptor;
import java.util.Objects;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Entry of the launcher. Exit status: 0 when all went well, 1 when the work failed, 2 for a usage error, which is one
 * line on standard error.
 */
@Command(
        name = "netpoll",
        description = "Programs that show what Netpoll for Java does.",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        subcommands = {Demo.class, Serve.class},
        footer = "  bench  Measures RPC servers and clients against each other.")
public final class Main implements Runnable {
    /** The parent of the library's loggers; held, because a logger nobody holds forgets its level. */
    private static final Logger LIBRARY = Logger.getLogger("dev.netpoll");

    @Spec
    private @Nullable CommandSpec spec;

    /** Started by the launcher with the command and its arguments. */
    public static void main(String[] args) {
        if (System.getProperty("java.util.logging.config.file") == null) {
            // The commands say themselves which backend they use.
            LIBRARY.setLevel(Level.WARNING);
        }
        System.exit(commandLine().execute(args));
    }

    static CommandLine commandLine() {
        return new CommandLine(new Main())
                .setParameterExceptionHandler(Main::reportUsageError)
                .setUsageHelpAutoWidth(true);
    }

    @Override
    public void run() {
        throw new ParameterException(
                Objects.requireNonNull(spec).commandLine(), "missing command: demo, serve or bench");
    }

    private static int reportUsageError(ParameterException error, String[] args) {
        CommandLine command = error.getCommandLine();
        String name = command.getCommandSpec().qualifiedName();
        String message = String.valueOf(error.getMessage()).strip().replaceAll("\\s*\\R\\s*", " ");
        command.getErr().println(name + ": " + message + " (try '" + name + " --help')");
        return ExitCode.USAGE;
    }

    /** The version that the build wrote into the module descriptor. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            @Nullable ModuleDescriptor descriptor = Main.class.getModule().getDescriptor();
            String version = descriptor == null
                    ? "(not packaged)"
                    : descriptor.rawVersion().orElse("(no version)");
            return new String[] {"netpoll " + version};
        }
    }
}
