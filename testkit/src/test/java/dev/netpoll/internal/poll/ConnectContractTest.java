// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

@ParameterizedClass
@MethodSource("dev.netpoll.internal.poll.Variant#all")
class ConnectContractTest extends ContractTest {
    ConnectContractTest(Variant variant) {
        super(variant);
    }

    @Test
    void connectsAcceptsAndEchoes() throws IOException {
        Pair pair = pair();
        byte[] question = randomBytes(1000);
        assertThat(pair.client().send(queue(question))).isEqualTo(Transport.SENT);
        await(() -> pair.atServer().received() == 1000);
        assertThat(pair.server().send(queue(pair.atServer().bytes.toByteArray())))
                .isEqualTo(Transport.SENT);
        await(() -> pair.atClient().received() == 1000);
        assertThat(pair.atClient().bytes.toByteArray()).isEqualTo(question);
    }

    @Test
    void bothEndsKnowTheirAddresses() throws IOException {
        ListenSocket socket = listen();
        Recorder recorder = new Recorder();
        Transport client = backend.open(socket.localAddress(), null);
        open.add(client);
        assertThat(client.remoteAddress()).isNull();
        if (variant.isTcp()) {
            assertThat(client.localAddress()).isNull();
        }
        poller.connect(client, socket.localAddress(), recorder);
        await(() -> recorder.connected && !accepted.isEmpty());
        Transport server = accepted.peek();
        assertThat(client.remoteAddress()).isEqualTo(socket.localAddress());
        assertThat(server.localAddress()).isEqualTo(socket.localAddress());
        assertThat(server.remoteAddress()).isEqualTo(client.localAddress());
        if (!variant.isTcp()) {
            assertThat(server.remoteAddress()).isEqualTo(UnixDomainSocketAddress.of(""));
        }
        server.close(false);
        assertThat(server.remoteAddress()).isEqualTo(client.localAddress());
    }

    @Test
    void tcpConnectionsHaveNoDelayFromTheStart() throws IOException {
        variant.assume(variant.isTcp(), "needs TCP");
        Pair pair = pair();
        assertThat(pair.client().getOption(StandardSocketOptions.TCP_NODELAY)).isTrue();
        assertThat(pair.server().getOption(StandardSocketOptions.TCP_NODELAY)).isTrue();
    }

    @Test
    void aRefusedConnectFailsWithTheRealError() throws IOException {
        ListenSocket socket = listen();
        SocketAddress nobody = socket.localAddress();
        socket.close();
        Recorder recorder = new Recorder();
        Transport transport = connect(nobody, recorder);
        await(() -> recorder.errno != 0);
        assertThat(Errno.name(recorder.errno)).isEqualTo(variant.isTcp() ? "ECONNREFUSED" : "ENOENT");
        close(transport, recorder, false);
        settle();
    }

    @Test
    void aConnectToItselfIsRefused() throws IOException {
        variant.assume(variant.isTcp(), "needs TCP");
        ListenSocket socket = listen();
        SocketAddress address = socket.localAddress();
        socket.close();
        Recorder recorder = new Recorder();
        Transport transport = backend.open(address, address);
        open.add(transport);
        assertThat(transport.localAddress()).isEqualTo(address);
        poller.connect(transport, address, recorder);
        await(() -> recorder.errno != 0);
        assertThat(recorder.connected).isFalse();
        assertThat(recorder.errno).isEqualTo(Errno.ECONNREFUSED);
    }

    @Test
    void aConnectToItselfThroughAMappedAddressIsRefusedToo() throws IOException {
        variant.assume(variant.family() == Variant.Family.TCP4 && variant.isReal(), "needs IPv4 and a kernel");
        ListenSocket socket = listen();
        InetSocketAddress mapped = mapped((InetSocketAddress) socket.localAddress());
        socket.close();
        Recorder recorder = new Recorder();
        Transport transport = backend.open(mapped, mapped);
        open.add(transport);
        poller.connect(transport, mapped, recorder);
        await(() -> recorder.errno != 0 || recorder.connected);
        assertThat(recorder.connected).isFalse();
        assertThat(recorder.errno).isEqualTo(Errno.ECONNREFUSED);
    }

    @Test
    void aMappedAddressIsShownAsTheIpv4AddressThatItIs() throws IOException {
        variant.assume(variant.family() == Variant.Family.TCP4 && variant.isReal(), "needs IPv4 and a kernel");
        ListenSocket socket = listen();
        Recorder recorder = new Recorder();
        Transport client = connect(mapped((InetSocketAddress) socket.localAddress()), recorder);
        await(() -> recorder.connected);
        assertThat(client.remoteAddress()).isEqualTo(socket.localAddress());
    }

    private static InetSocketAddress mapped(InetSocketAddress four) throws IOException {
        byte[] six = new byte[16];
        six[10] = -1;
        six[11] = -1;
        System.arraycopy(four.getAddress().getAddress(), 0, six, 12, 4);
        return new InetSocketAddress(Inet6Address.getByAddress(null, six, -1), four.getPort());
    }

    @Test
    void aLinkLocalAddressWithoutItsScopeIsRefused() throws IOException {
        variant.assume(variant.family() == Variant.Family.TCP6 && variant.isReal(), "needs IPv6 and a kernel");
        byte[] six = new byte[16];
        six[0] = (byte) 0xfe;
        six[1] = (byte) 0x80;
        six[15] = 1;
        InetSocketAddress address = new InetSocketAddress(Inet6Address.getByAddress(null, six, -1), 80);
        Recorder recorder = new Recorder();
        connect(address, recorder);
        await(() -> recorder.errno != 0);
        assertThat(Errno.name(recorder.errno)).isEqualTo("EINVAL");
        assertThatThrownBy(() -> backend.bind(address, new ListenOptions(0, false, false)))
                .hasMessageContaining("EINVAL");
    }

    @Test
    void closingWhileConnectingIsSilent() throws IOException {
        ListenSocket socket = listen();
        for (int i = 0; i < 20; i++) {
            Recorder recorder = new Recorder();
            Transport transport = connect(socket.localAddress(), recorder);
            close(transport, recorder, random.nextBoolean());
        }
        settle();
    }

    @Test
    void addressesThatMakeNoSenseAreRefused() {
        SocketAddress strange = new SocketAddress() {
            private static final long serialVersionUID = 1;
        };
        ListenOptions options = new ListenOptions(0, false, false);
        assertThatThrownBy(() -> backend.open(strange, null)).hasMessageContaining("EAFNOSUPPORT");
        assertThatThrownBy(() -> backend.bind(strange, options)).hasMessageContaining("EAFNOSUPPORT");
        InetSocketAddress unresolved = InetSocketAddress.createUnresolved("example.invalid", 80);
        assertThatThrownBy(() -> backend.open(unresolved, null)).hasMessageContaining("EINVAL");
    }

    @Test
    void aBoundAddressInUseIsReported() throws IOException {
        ListenSocket socket = listen();
        assertThatThrownBy(() -> backend.bind(socket.localAddress(), new ListenOptions(0, false, false)))
                .isInstanceOfSatisfying(
                        TransportException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EADDRINUSE));
    }

    @Test
    void aWildcardListenerServesBothFamilies() throws IOException {
        variant.assume(variant.isTcp() && variant.isReal(), "needs the TCP of a kernel");
        InetAddress any = variant.family() == Variant.Family.TCP4
                ? InetAddress.getByAddress(new byte[4])
                : InetAddress.getByAddress(new byte[16]);
        ListenSocket socket = listen(new InetSocketAddress(any, 0), new ListenOptions(0, false, false));
        int port = ((InetSocketAddress) socket.localAddress()).getPort();
        for (String host : new String[] {"127.0.0.1", "::1"}) {
            Recorder recorder = new Recorder();
            Transport client = connect(new InetSocketAddress(InetAddress.getByName(host), port), recorder);
            await(() -> recorder.connected && !accepted.isEmpty());
            Transport server = accepted.remove();
            assertThat(server.remoteAddress()).isEqualTo(client.localAddress());
            assertThat(((InetSocketAddress) server.localAddress()).getAddress()).isEqualTo(InetAddress.getByName(host));
            server.close(false);
        }
    }

    @Test
    void aSocketMovesOutOfOnePollerAndIntoAnother() throws IOException {
        variant.assume(variant.isReal(), "needs a kernel");
        Pair pair = pair();
        pair.client().send(queue(new byte[10]));
        await(() -> pair.atServer().received() == 10);
        RawSocket raw = pair.server().detach();
        pair.atServer().closed = true;
        assertThat(pair.server().send(queueOfOneByteFreedByTest())).isEqualTo(-Errno.EBADF);
        Transport again = backend.adopt(raw);
        open.add(again);
        pair.client().send(queue(new byte[20]));
        settle();
        Recorder recorder = new Recorder();
        poller.register(again, recorder);
        await(() -> recorder.received() == 20);
        assertThat(again.send(queue(new byte[5]))).isEqualTo(Transport.SENT);
        await(() -> pair.atClient().received() == 5);
        assertThat(again.remoteAddress()).isEqualTo(pair.client().localAddress());
        leftOver.clear();
    }

    private final SendQueue leftOver = new SendQueue();

    private SendQueue queueOfOneByteFreedByTest() {
        leftOver.add(segment(new byte[1]));
        return leftOver;
    }
}
