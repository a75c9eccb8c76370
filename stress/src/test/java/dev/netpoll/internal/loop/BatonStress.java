// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** A driver that wants the {@link Baton}, and a supervisor that gives it to another one. */
public class BatonStress {
    private static int bit(boolean is) {
        return is ? 1 : 0;
    }

    @JCStressTest
    @State
    @Outcome(id = "1, 0, 1", expect = ACCEPTABLE, desc = "The user code has returned in time.")
    @Outcome(id = "0, 1, 2", expect = ACCEPTABLE, desc = "The next driver holds it, and sees what the first one did.")
    @Outcome(id = "1, 1, .*", expect = FORBIDDEN, desc = "Baton B1: two drivers hold it.")
    @Outcome(id = "0, 0, .*", expect = FORBIDDEN, desc = "Baton B1: nobody will ever hold it.")
    @Outcome(expect = FORBIDDEN, desc = "Baton B2: the next driver does not see what the first one did.")
    public static class OneReclaimsWhatIsPassedOn {
        private final Baton baton = new Baton();
        private int state;

        public OneReclaimsWhatIsPassedOn() {
            baton.take(0);
            state = 1;
            baton.lend(0);
        }

        @Actor
        public void driver(III_Result r) {
            r.r1 = bit(baton.reclaim(0));
        }

        @Actor
        public void supervisorAndNextDriver(III_Result r) {
            long seen = baton.word();
            boolean passed = Baton.state(seen) == Baton.LENT && baton.pass(seen) && baton.take(1);
            r.r2 = bit(passed);
            if (passed) {
                state++;
            }
        }

        @Arbiter
        public void look(III_Result r) {
            r.r3 = baton.isHeld(r.r1 == 1 ? 0 : 1) ? state : -1;
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "1, 0, 1", expect = ACCEPTABLE, desc = "The driver was carried in time.")
    @Outcome(id = "0, 1, 2", expect = ACCEPTABLE, desc = "The next driver holds it.")
    @Outcome(id = "1, 1, .*", expect = FORBIDDEN, desc = "Baton B1: two drivers hold it.")
    @Outcome(id = "0, 0, .*", expect = FORBIDDEN, desc = "Baton B1: nobody will ever hold it.")
    @Outcome(expect = FORBIDDEN, desc = "Baton B2: the next driver does not see what the first one did.")
    public static class OneTakesWhatIsPassedOn {
        private final Baton baton = new Baton();
        private int state;

        public OneTakesWhatIsPassedOn() {
            baton.take(0);
            state = 1;
            baton.offer(0);
        }

        @Actor
        public void driver(III_Result r) {
            r.r1 = bit(baton.take(0));
        }

        @Actor
        public void supervisorAndNextDriver(III_Result r) {
            long seen = baton.word();
            boolean passed = Baton.state(seen) == Baton.OFFERED && baton.pass(seen) && baton.take(1);
            r.r2 = bit(passed);
            if (passed) {
                state++;
            }
        }

        @Arbiter
        public void look(III_Result r) {
            r.r3 = baton.isHeld(r.r1 == 1 ? 0 : 1) ? state : -1;
        }
    }

    @JCStressTest
    @State
    @Outcome(
            id = {"1, 0, 1", "0, 1, 1"},
            expect = ACCEPTABLE,
            desc = "One of them has to wake the driver, which takes it.")
    @Outcome(id = "1, 1, .*", expect = FORBIDDEN, desc = "Baton: an idle driver is awakened twice.")
    @Outcome(expect = FORBIDDEN, desc = "Baton: an idle driver is not awakened.")
    public static class TwoAwaken {
        private final Baton baton = new Baton();

        public TwoAwaken() {
            baton.take(0);
            baton.idle(0);
        }

        @Actor
        public void one(III_Result r) {
            r.r1 = bit(baton.awaken());
        }

        @Actor
        public void two(III_Result r) {
            r.r2 = bit(baton.awaken());
        }

        @Arbiter
        public void take(III_Result r) {
            r.r3 = bit(baton.take(0));
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "0, 1, 1", expect = ACCEPTABLE, desc = "It was idle when it was awakened.")
    @Outcome(id = "0, 0, 0", expect = ACCEPTABLE, desc = "It was awakened before, and looks before it parks.")
    @Outcome(expect = FORBIDDEN, desc = "Baton: awakened without having been idle, or idle after that.")
    public static class OneAwakensWhoBecomesIdle {
        private final Baton baton = new Baton();

        public OneAwakensWhoBecomesIdle() {
            baton.take(0);
        }

        @Actor
        public void driver() {
            baton.idle(0);
        }

        @Actor
        public void supervisor(III_Result r) {
            r.r2 = bit(baton.awaken());
        }

        @Arbiter
        public void take(III_Result r) {
            r.r3 = bit(baton.take(0));
        }
    }
}
