// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * {@code struct sockaddr_in}, {@code sockaddr_in6} and {@code sockaddr_un} as bytes.
 *
 * <pre>
 *   in   family u16, port u16 (big-endian), address 4, unused 8
 *   in6  family u16, port u16 (big-endian), flow u32, address 16, scope u32
 *   un   family u16, path up to 108: empty (unnamed), NUL + name (abstract), or path + NUL
 * </pre>
 *
 * <p>A {@link UnixDomainSocketAddress} cannot contain a NUL, so an abstract name is written as a path that begins with
 * {@code @}, as ss(8) and netstat(8) print it. For a file whose name begins with it, write {@code ./@name}.
 *
 * <p>Some names that other programs bind are no path in Java: an abstract name with a NUL or invalid UTF-8, or a file
 * name with characters that this JVM's encoding lacks. They get a separate address class, whose text says so and which
 * cannot be dialed; a path that looks the same might belong to another socket.
 */
public final class SockAddr {
    /** Room for any of them. */
    static final int MAX_SIZE = 128;

    private static final int IN_SIZE = 16;
    private static final int IN6_SIZE = 28;
    private static final int PATH = 2;

    /** sun_path has 108 bytes; the last one is for the NUL that other programs expect after a file name. */
    private static final int MAX_PATH = 107;

    /** An abstract name begins with a NUL, written here as {@code @}, and has none at its end. */
    private static final int MAX_ABSTRACT = 108;

    private static final int EINVAL = 22;
    private static final int ENAMETOOLONG = 36;
    private static final int EAFNOSUPPORT = 97;

    private static final byte[] UNNAMED = {LibcSocket.AF_UNIX, 0};

    private SockAddr() {}

    /** {@return the address family, or an error number negated: the address is unresolved or of an unknown class} */
    public static int family(SocketAddress address) {
        return switch (address) {
            case InetSocketAddress inet when inet.isUnresolved() -> -EINVAL;
            case InetSocketAddress inet ->
                inet.getAddress() instanceof Inet6Address ? LibcSocket.AF_INET6 : LibcSocket.AF_INET;
            case UnixDomainSocketAddress _ -> LibcSocket.AF_UNIX;
            default -> -EAFNOSUPPORT;
        };
    }

    /** {@return the family of an encoded address} */
    public static int family(byte[] encoded) {
        return (encoded[0] & 0xff) | (encoded[1] & 0xff) << 8;
    }

    /** {@return 0, or the error number that keeps {@link #encode} from a result} */
    public static int check(SocketAddress address) {
        int family = family(address);
        if (family < 0) {
            return -family;
        }
        boolean tooLong = address instanceof UnixDomainSocketAddress unix
                && pathBytes(unix).length > (isAbstract(unix) ? MAX_ABSTRACT : MAX_PATH);
        return tooLong ? ENAMETOOLONG : 0;
    }

    /**
     * {@return the address as bytes}
     *
     * @throws IllegalArgumentException if {@link #check} returns an error
     */
    public static byte[] encode(SocketAddress address) {
        if (check(address) != 0) {
            throw new IllegalArgumentException("no socket address: " + address);
        }
        return address instanceof UnixDomainSocketAddress unix ? encode(unix) : encode((InetSocketAddress) address);
    }

    private static byte[] encode(InetSocketAddress inet) {
        InetAddress address = inet.getAddress();
        boolean six = address instanceof Inet6Address;
        ByteBuffer bytes = ByteBuffer.allocate(six ? IN6_SIZE : IN_SIZE).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putShort((short) (six ? LibcSocket.AF_INET6 : LibcSocket.AF_INET));
        bytes.put((byte) (inet.getPort() >> 8)).put((byte) inet.getPort());
        if (six) {
            bytes.putInt(0);
        }
        bytes.put(address.getAddress());
        if (address instanceof Inet6Address a) {
            bytes.putInt(a.getScopeId());
        }
        return bytes.array();
    }

    private static byte[] encode(UnixDomainSocketAddress unix) {
        byte[] path = pathBytes(unix);
        if (path.length == 0) {
            return UNNAMED.clone();
        }
        boolean named = path[0] != '@';
        byte[] encoded = Arrays.copyOf(UNNAMED, PATH + path.length + (named ? 1 : 0));
        System.arraycopy(path, 0, encoded, PATH, path.length);
        if (!named) {
            encoded[PATH] = 0;
        }
        return encoded;
    }

    private static byte[] pathBytes(UnixDomainSocketAddress unix) {
        String path = unix.getPath().toString();
        return path.getBytes(path.startsWith("@") ? StandardCharsets.UTF_8 : fileNames());
    }

    /** {@return the JDK's encoding of file names} */
    private static Charset fileNames() {
        return Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"), StandardCharsets.UTF_8);
    }

    /** {@return whether the address is a name in Linux's abstract namespace, and so no file} */
    public static boolean isAbstract(SocketAddress address) {
        return address instanceof UnixDomainSocketAddress unix
                && unix.getPath().toString().startsWith("@");
    }

    /** Copies the address that a call left, without the unused rest. */
    static byte[] copy(MemorySegment memory, long at, int length) {
        if (length <= PATH) {
            return UNNAMED;
        }
        byte[] bytes = new byte[Math.min(length, MAX_SIZE)];
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, at, bytes, 0, bytes.length);
        // These arrays live long. The last 8 bytes of sockaddr_in mean nothing; a scope is rare, so 0 is left out.
        return switch (family(bytes)) {
            case LibcSocket.AF_INET -> Arrays.copyOf(bytes, IN_SIZE - 8);
            case LibcSocket.AF_INET6 -> scope(bytes) == 0 ? Arrays.copyOf(bytes, IN6_SIZE - Integer.BYTES) : bytes;
            default -> bytes;
        };
    }

    /**
     * {@return the address, or null for any other family} An IPv4-mapped IPv6 address becomes an IPv4 address; an
     * unnamed Unix socket has the empty path.
     */
    public static @Nullable SocketAddress decode(byte[] encoded) {
        try {
            return switch (family(encoded)) {
                case LibcSocket.AF_INET ->
                    new InetSocketAddress(InetAddress.getByAddress(Arrays.copyOfRange(encoded, 4, 8)), port(encoded));
                case LibcSocket.AF_INET6 -> new InetSocketAddress(inet6(encoded), port(encoded));
                case LibcSocket.AF_UNIX -> unix(encoded);
                default -> null;
            };
        } catch (UnknownHostException e) {
            throw new AssertionError(e); // only for addresses of another length
        }
    }

    private static InetAddress inet6(byte[] encoded) throws UnknownHostException {
        byte[] address = Arrays.copyOfRange(encoded, 8, 24);
        int scope = scope(encoded);
        // getByAddress(byte[]) turns mapped addresses into IPv4; those have no scope.
        return scope == 0 ? InetAddress.getByAddress(address) : Inet6Address.getByAddress(null, address, scope);
    }

    private static int scope(byte[] encoded) {
        return encoded.length < IN6_SIZE
                ? 0
                : ByteBuffer.wrap(encoded).order(ByteOrder.LITTLE_ENDIAN).getInt(IN6_SIZE - Integer.BYTES);
    }

    private static int port(byte[] encoded) {
        return (encoded[2] & 0xff) << 8 | (encoded[3] & 0xff);
    }

    private static SocketAddress unix(byte[] encoded) {
        if (encoded.length > PATH && encoded[PATH] == 0) {
            String name = new String(encoded, PATH + 1, encoded.length - PATH - 1, StandardCharsets.UTF_8);
            return unix("@" + name, encoded);
        }
        int end = PATH;
        while (end < encoded.length && encoded[end] != 0) {
            end++;
        }
        return unix(new String(encoded, PATH, end - PATH, fileNames()), encoded);
    }

    /** {@return the path, if encoding it again gives the same bytes} */
    private static SocketAddress unix(String path, byte[] encoded) {
        try {
            UnixDomainSocketAddress address = UnixDomainSocketAddress.of(path);
            byte[] back = encode(address);
            // Not every system writes the NUL after a file name.
            int length = Math.min(back.length, encoded.length);
            if (Math.abs(back.length - encoded.length) <= 1 && Arrays.equals(back, 0, length, encoded, 0, length)) {
                return address;
            }
        } catch (IllegalArgumentException e) {
            // Not a path in this JVM's encoding.
        }
        return new UnixName(encoded);
    }

    /** The name of a Unix socket that is no path in Java: for display, not for dialing. */
    private static final class UnixName extends SocketAddress {
        private static final long serialVersionUID = 1;

        private final byte[] encoded;

        UnixName(byte[] encoded) {
            this.encoded = encoded;
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof UnixName name && Arrays.equals(encoded, name.encoded);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(encoded);
        }

        /** As ss(8) prints it, every NUL as {@code @}; followed by the remark that this is no path. */
        @Override
        public String toString() {
            String name = new String(encoded, PATH, encoded.length - PATH, StandardCharsets.UTF_8);
            String shown = name.endsWith("\0") && !name.startsWith("\0") ? name.substring(0, name.length() - 1) : name;
            return shown.replace('\0', '@') + " (no path in Java)";
        }
    }
}
