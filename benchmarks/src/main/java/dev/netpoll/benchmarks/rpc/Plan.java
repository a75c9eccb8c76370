// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import dev.netpoll.benchmarks.rpc.report.Results.Case;
import dev.netpoll.benchmarks.rpc.report.Results.Test;
import dev.netpoll.benchmarks.rpc.report.Results.Work;
import java.util.ArrayList;
import java.util.List;

/**
 * What is to be done, checked and complete.
 *
 * @param openLoopShare of the slower one's peak, for open-loop rounds after the closed-loop ones; 0 for none
 * @param openLoopBestOnly open-loop rounds only against the best peer on the JVM
 * @param idleSteps numbers of idle connections at which memory is looked at; empty for none
 */
record Plan(
        String command,
        List<Test> tests,
        List<Integer> scenarios,
        List<Candidate> servers,
        List<Candidate> clients,
        List<Integer> connections,
        List<Integer> payloads,
        int pipeline,
        double rate,
        double openLoopShare,
        boolean openLoopBestOnly,
        Work work,
        int rounds,
        int forks,
        double seconds,
        double warmupSeconds,
        int timeoutMillis,
        List<Integer> idleSteps,
        boolean quick,
        boolean pin) {
    /** For each caller, so many connections are idle in scenario 2: 80 % of all. */
    static final int IDLE_PER_CALLER = 4;

    /** In each run, before its measured part: connections are made and caches are filled again. */
    static final double SETTLE_SECONDS = 0.3;

    /** What starting a process and a run's own beginning and end take, about. */
    private static final double START_SECONDS = 1.0;

    private static final double RUN_SECONDS = 0.2;

    List<Candidate> candidates(Test test) {
        return test == Test.SERVER ? servers : clients;
    }

    /** The cases of a test that do not depend on what others showed. A case with work follows the same without. */
    List<Case> cases(Test test) {
        List<Case> cases = new ArrayList<>();
        for (int scenario : scenarios) {
            for (int payload : payloads) {
                for (int count : connections) {
                    int idle = scenario == 2 ? count * IDLE_PER_CALLER : 0;
                    boolean server = test == Test.SERVER;
                    Case plain = new Case(
                            test,
                            scenario,
                            count,
                            idle,
                            payload,
                            server ? pipeline : 1,
                            server ? rate : 0,
                            Work.NONE,
                            "");
                    cases.add(plain);
                    if (server && !work.equals(Work.NONE)) {
                        cases.add(new Case(test, scenario, count, idle, payload, pipeline, rate, work, ""));
                    }
                }
            }
        }
        return cases;
    }

    /** About how long it takes. */
    double estimatedSeconds() {
        double run = seconds + SETTLE_SECONDS + RUN_SECONDS;
        double sum = 0;
        for (Test test : tests) {
            int peers = candidates(test).size();
            int cases = cases(test).size();
            int pairs = openLoopBestOnly ? 1 : peers - 1;
            boolean open = test == Test.SERVER && openLoopShare > 0;
            sum += peers * (START_SECONDS + warmupSeconds) + run * rounds * cases * (peers + (open ? 2 * pairs : 0));
            sum += test == Test.SERVER ? peers * idleSteps.size() * (START_SECONDS + RUN_SECONDS) : 0;
        }
        return sum * forks;
    }
}
