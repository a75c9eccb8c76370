// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.Backend;
import dev.netpoll.Dispatch;
import java.net.SocketAddress;
import java.util.List;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** From the text of an option to its value. What they throw becomes the one line of a usage error. */
final class Converters {
    private Converters() {}

    /** An address, see {@link Addresses}. */
    static final class OfAddress implements ITypeConverter<SocketAddress> {
        @Override
        public SocketAddress convert(String text) {
            try {
                return Addresses.parse(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(String.valueOf(e.getMessage()));
            }
        }
    }

    /** A backend by its name. */
    static final class OfBackend implements ITypeConverter<Backend> {
        @Override
        public Backend convert(String text) {
            Backend backend = Backend.of(text);
            if (!List.of(Backend.AUTO, Backend.EPOLL, Backend.IO_URING, Backend.NIO)
                    .contains(backend)) {
                throw new TypeConversionException("'" + text + "' is not one of auto, epoll, io_uring, nio");
            }
            return backend;
        }
    }

    /** A dispatch by its name. */
    static final class OfDispatch implements ITypeConverter<Dispatch> {
        @Override
        public Dispatch convert(String text) {
            return switch (text) {
                case "adaptive" -> Dispatch.adaptive();
                case "virtual" -> Dispatch.virtual();
                case "inline" -> Dispatch.inline();
                default -> throw new TypeConversionException("'" + text + "' is not one of adaptive, virtual, inline");
            };
        }
    }

    /** A whole number above zero. */
    static final class OfPositive implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            return parse(text, 1);
        }
    }

    /** A whole number that is not negative. */
    static final class OfNonNegative implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            return parse(text, 0);
        }
    }

    private static int parse(String text, int min) {
        try {
            int value = Integer.parseInt(text);
            if (value >= min) {
                return value;
            }
        } catch (NumberFormatException e) {
            // Reported below, in the words of an option.
        }
        throw new TypeConversionException("'" + text + "' is not a whole number from " + min + " on");
    }
}
