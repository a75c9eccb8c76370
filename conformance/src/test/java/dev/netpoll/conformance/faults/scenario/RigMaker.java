// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults.scenario;

import dev.netpoll.conformance.faults.Subject;

/** Makes rigs. The other side knows its name. */
public final class RigMaker implements Subject.Maker {
    @Override
    public Subject make(String backend, String dispatch) throws Exception {
        return new Rig(backend, dispatch);
    }
}
