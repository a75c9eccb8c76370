// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.ParameterException;

/** Entry of {@code ./netpoll bench}. */
public final class BenchMain {
    private BenchMain() {}

    /** Started by the launcher with the arguments behind {@code bench}. */
    public static void main(String[] args) {
        PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
        PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        System.exit(execute(new Installed(), out, err, args));
    }

    static int execute(Catalog catalog, PrintWriter out, PrintWriter err, String... args) {
        return new CommandLine(new BenchCommand(catalog, quoted(args)))
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpAutoWidth(true)
                .setParameterExceptionHandler(BenchMain::reportUsageError)
                .setExecutionExceptionHandler((failure, command, parsed) -> {
                    failure.printStackTrace(command.getErr());
                    return ExitCode.SOFTWARE;
                })
                .setOut(out)
                .setErr(err)
                .execute(args);
    }

    private static int reportUsageError(ParameterException error, String[] args) {
        CommandLine command = error.getCommandLine();
        String message = String.valueOf(error.getMessage()).strip().replaceAll("\\s*\\R\\s*", " ");
        command.getErr().println("netpoll bench: " + message + " (try 'netpoll bench --help')");
        return ExitCode.USAGE;
    }

    /** So that it can be copied into a shell. */
    private static String quoted(String[] args) {
        return Arrays.stream(args)
                .map(arg -> arg.matches("[\\w./,:%=@+-]+") ? arg : "'" + arg.replace("'", "'\\''") + "'")
                .collect(Collectors.joining(" "));
    }
}
