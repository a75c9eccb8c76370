// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import dev.netpoll.benchmarks.rpc.Driver.Command;
import dev.netpoll.benchmarks.rpc.Driver.Stats;
import dev.netpoll.benchmarks.rpc.report.Results.Case;
import dev.netpoll.benchmarks.rpc.report.Results.Load;
import dev.netpoll.benchmarks.rpc.report.Results.Run;
import dev.netpoll.benchmarks.rpc.report.Results.Test;
import dev.netpoll.benchmarks.rpc.report.Results.Usage;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * A peer whose process runs, with all that is needed to measure it.
 *
 * @param driver makes the requests
 * @param subject the process that is measured
 * @param other the process at the other end
 */
record Contender(Candidate candidate, Driver driver, Child subject, Child other, int port) {
    private static final String HOST = "127.0.0.1";
    private static final long SEED = 1;

    String name() {
        return candidate.name();
    }

    /** What is sent for a case. */
    Command command(Plan plan, Case setting, double warmupSeconds, long warmupRequests, double seconds) {
        return new Command(
                HOST,
                port,
                setting.connections(),
                setting.idle(),
                setting.payload(),
                setting.pipeline(),
                setting.rate(),
                warmupSeconds,
                warmupRequests,
                seconds,
                setting.work().blockShare(),
                Math.round(setting.work().blockMillis() * 1000),
                setting.work().burnShare(),
                Math.round(setting.work().burnMillis() * 1000),
                plan.timeoutMillis(),
                SEED);
    }

    /** Makes requests, only so that code gets compiled. */
    void warmUp(Command command, Case setting) throws IOException, InterruptedException {
        check(driver.run(command, Driver.Moments.NONE), setting, "warm-up");
    }

    /** Measures once. */
    Run measure(Command command, Case setting, int fork, int round) throws IOException, InterruptedException {
        Watch watch = new Watch(setting.test());
        Load load = driver.run(command, watch);
        check(load, setting, "round " + round);
        return new Run(setting, name(), fork, round, load, watch.usage(load));
    }

    private void check(Load load, Case setting, String when) throws BenchFailure {
        if (load.errors() > 0 || load.wrong() > 0 || load.timeouts() > 0) {
            @Nullable String first = load.firstError();
            throw new BenchFailure(String.format(
                    "%s failed (%s, %d connections, payload %d, %s): %d wrong answers, %d errors, %d time-outs%s",
                    name(),
                    setting.test() == Test.SERVER ? "server" : "client",
                    setting.connections(),
                    setting.payload(),
                    when,
                    load.wrong(),
                    load.errors(),
                    load.timeouts(),
                    first == null || first.isEmpty() ? "" : "; the first: " + first));
        }
        if (load.requests() == 0) {
            throw new BenchFailure(
                    name() + " answered no request (" + setting.connections() + " connections, " + when + ")");
        }
    }

    /** Takes samples at both ends of the measured part. */
    private final class Watch implements Driver.Moments {
        private final boolean ofServer;
        private @Nullable Stats statsBefore;
        private @Nullable Stats statsAfter;
        private @Nullable Sample before;
        private @Nullable Sample after;
        private @Nullable Sample otherBefore;
        private @Nullable Sample otherAfter;

        Watch(Test test) {
            ofServer = test == Test.SERVER;
        }

        @Override
        public void begin() throws IOException, InterruptedException {
            statsBefore = stats();
            otherBefore = Sample.of(other.pids());
            before = Sample.of(subject.pids());
        }

        @Override
        public void end() throws IOException, InterruptedException {
            after = Sample.of(subject.pids());
            otherAfter = Sample.of(other.pids());
            statsAfter = stats();
        }

        private @Nullable Stats stats() throws IOException, InterruptedException {
            if (!candidate.answersStats()) {
                return null;
            }
            return ofServer ? Driver.serverStats(subject) : driver.stats();
        }

        Usage usage(Load load) throws BenchFailure {
            if (before == null || after == null || otherBefore == null || otherAfter == null) {
                throw new BenchFailure(name() + ": the measured part had no BEGIN or no END");
            }
            Sample.Switches switches = after.switchesSince(before);
            double otherCpu = otherAfter.cpuSeconds() - otherBefore.cpuSeconds();
            double otherShare = otherCpu / otherAfter.secondsSince(otherBefore);
            if (Double.isNaN(otherShare) && ofServer && load.measuredSeconds() > 0) {
                otherShare = load.loadCpuSeconds() / load.measuredSeconds();
            }
            @Nullable Stats used = statsBefore == null || statsAfter == null ? null : statsAfter.minus(statsBefore);
            return new Usage(
                    after.secondsSince(before),
                    after.cpuSeconds() - before.cpuSeconds(),
                    switches.voluntary(),
                    switches.involuntary(),
                    after.rssBytes(),
                    otherShare,
                    used == null ? null : used.allocatedBytes(),
                    used == null ? null : used.gcPauseMillis(),
                    used == null ? null : used.gcCount(),
                    used == null ? null : used.counters());
        }
    }
}
