// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Addresses as text: {@code HOST:PORT} or {@code unix:PATH}. An IPv6 address stands in brackets, {@code [::1]:7001}; a
 * host that is empty or {@code *} means every address of the machine; {@code unix:@NAME} is in the abstract namespace.
 */
final class Addresses {
    private static final String UNIX = "unix:";
    private static final int PORT_MAX = 65_535;
    private static final Pattern HOST_AND_PORT =
            Pattern.compile("(?:\\[(?<v6>[^\\[\\]]+)]|(?<host>[^:\\[\\]]*)):(?<port>\\d{1,5})");
    private static final Pattern ZEROS = Pattern.compile("\\b0(?::0)+\\b");

    private Addresses() {}

    /**
     * Reads an address, and resolves its name; of several addresses of a name, the first counts.
     *
     * @throws IllegalArgumentException if it is none, or the name is unknown; the message says what is wrong
     */
    static SocketAddress parse(String text) {
        return text.toLowerCase(Locale.ROOT).startsWith(UNIX)
                ? parsePath(text.substring(UNIX.length()))
                : parseHostAndPort(text);
    }

    /** {@return the text that {@link #parse} reads as this address} */
    static String format(SocketAddress address) {
        return switch (address) {
            case UnixDomainSocketAddress unix -> UNIX + unix.getPath();
            case InetSocketAddress inet when inet.isUnresolved() -> inet.getHostString() + ":" + inet.getPort();
            case InetSocketAddress inet -> format(inet.getAddress()) + ":" + inet.getPort();
            default -> address.toString();
        };
    }

    private static SocketAddress parsePath(String path) {
        if (path.isEmpty()) {
            throw new IllegalArgumentException("the path is missing: " + UNIX);
        }
        return UnixDomainSocketAddress.of(path);
    }

    private static SocketAddress parseHostAndPort(String text) {
        Matcher matcher = HOST_AND_PORT.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("'" + text + "' is not HOST:PORT, [IPV6]:PORT or unix:PATH");
        }
        int port = Integer.parseInt(matcher.group("port"));
        if (port > PORT_MAX) {
            throw new IllegalArgumentException("port " + port + " is above " + PORT_MAX);
        }
        String v6 = matcher.group("v6");
        String host = v6 != null ? v6 : matcher.group("host");
        if (host.isEmpty() || host.equals("*")) {
            return new InetSocketAddress(port);
        }
        if (v6 != null && !v6.contains(":")) {
            throw new IllegalArgumentException("'" + v6 + "' is not an IPv6 address");
        }
        try {
            return new InetSocketAddress(InetAddress.getAllByName(host)[0], port);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("unknown host '" + host + "'", e);
        }
    }

    private static String format(InetAddress address) {
        String text = address.getHostAddress();
        return text.contains(":") ? "[" + shorten(text) + "]" : text;
    }

    /** Writes the longest run of zero groups of an IPv6 address, the first of several, as {@code ::} (RFC 5952). */
    private static String shorten(String address) {
        int start = 0;
        int end = 0;
        Matcher matcher = ZEROS.matcher(address);
        while (matcher.find()) {
            if (matcher.end() - matcher.start() > end - start) {
                start = matcher.start();
                end = matcher.end();
            }
        }
        if (end == 0) {
            return address;
        }
        String before = address.substring(0, start).replaceFirst(":$", "");
        String after = address.substring(end).replaceFirst("^:", "");
        return before + "::" + after;
    }
}
