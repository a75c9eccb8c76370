// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/** What is done to the library while faults strike it. Loaded beside the instrumented library, by the same loader. */
package dev.netpoll.conformance.faults.scenario;
