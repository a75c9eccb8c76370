// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

/**
 * Connections, the servers and dialers that open them, and the errors they report.
 *
 * <p>Begin with {@link dev.netpoll.Server}, {@link dev.netpoll.Dialer} and {@link dev.netpoll.Connection}. A {@link
 * dev.netpoll.Protocol} describes what happens on a connection, {@link dev.netpoll.ConnectionOptions} its bounds. An
 * {@code @implNote} at a method tells where the backends differ.
 *
 * <h2>Memory consistency</h2>
 *
 * <p>What a thread does before one of these happens-before what another thread does after the corresponding action:
 * <ul>
 *   <li>onPrepare of a connection, and the callbacks of the same connection that follow; one run of the request
 *       handler, and the next, whichever threads run them;
 *   <li>a callback of a connection, and its close callbacks;
 *   <li>{@link dev.netpoll.Connection#attach}, and {@link dev.netpoll.Connection#attachment()} that returns the object;
 *   <li>onPrepare of a dialed connection, and the return of {@link dev.netpoll.Dialer#dial dial};
 *   <li>the end of the last callback of a server's connections, and the return of {@link dev.netpoll.Server#shutdown}
 *       with true.
 * </ul>
 * <p>Different threads may run two callbacks of one connection. What a peer receives says nothing about the memory of a
 * process, not even if the peer is in the same process.
 *
 * <h2>Exceptions</h2>
 *
 * <table>
 * <caption>What went wrong, and what is left of the connection</caption>
 * <tr><th>exception</th><th>when</th><th>the connection</th></tr>
 * <tr><td>{@link dev.netpoll.PeerClosedException}</td><td>the peer finished before enough bytes arrived</td>
 *     <td>can still send</td></tr>
 * <tr><td>{@link dev.netpoll.ConnectionResetException}</td><td>a reset, or a lost path</td><td>is over</td></tr>
 * <tr><td>{@link dev.netpoll.ConnectionClosedException}</td><td>this side closed it; the message gives the reason</td>
 *     <td>is over</td></tr>
 * <tr><td>{@link dev.netpoll.ReadTimeoutException}</td><td>a wait for bytes took too long</td>
 *     <td>nothing was consumed; read again, or close it</td></tr>
 * <tr><td>{@link dev.netpoll.WriteTimeoutException}</td><td>a flush took too long</td>
 *     <td>usable if no byte was sent; else its output is cut</td></tr>
 * <tr><td>{@link dev.netpoll.OutputCutException}</td><td>a write after a flush that ended in its middle</td>
 *     <td>can still read; close it</td></tr>
 * <tr><td>{@link dev.netpoll.FrameTooLargeException}</td><td>a length above the limit</td><td>is closed, if a frame had
 *     it; else unchanged</td></tr>
 * <tr><td>{@link dev.netpoll.ConnectFailedException}, {@link dev.netpoll.ConnectTimeoutException}</td>
 *     <td>dialing failed</td><td>there is none</td></tr>
 * <tr><td>{@link dev.netpoll.memory.MemoryLimitException}</td><td>no buffer memory is left</td><td>unchanged</td></tr>
 * <tr><td>{@link java.lang.IllegalStateException}</td><td>a mistake of the program: a call that would wait on an event
 *     loop, a second thread on one side</td><td>unchanged</td></tr>
 * </table>
 */
package dev.netpoll;
