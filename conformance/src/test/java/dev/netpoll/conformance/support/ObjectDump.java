// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import java.io.IOException;
import java.io.PrintWriter;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.channels.SelectionKey;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * What the library's objects hold at a moment, in a file: to find out after a hang who thinks what of whom.
 *
 * <p>Starts at one object and follows every reference to another object of the library, so that each is printed once,
 * as {@code Type@number} with a line for each field. The objects are in use meanwhile, so the fields of one need not
 * fit those of another to the last.
 */
public final class ObjectDump {
    /** A dump is read by people, and the JVM that writes it is in trouble. */
    private static final int MOST_OBJECTS = 20_000;

    private static final int MOST_ELEMENTS = 10_000;
    private static final String OURS = "dev.netpoll.";

    private final IdentityHashMap<Object, Integer> numbers = new IdentityHashMap<>();
    private final Queue<Object> unprinted = new ArrayDeque<>();

    private ObjectDump() {}

    /** {@return the file, or why there is none} */
    public static String write(Object root) {
        try {
            Path directory = Files.createDirectories(Path.of("target", "faults"));
            Path file = Files.createTempFile(directory.toAbsolutePath(), "objects", ".txt");
            try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(file))) {
                new ObjectDump().print(root, out);
            }
            return file.toString();
        } catch (IOException failure) {
            return "not written: " + failure.getMessage();
        }
    }

    private void print(Object root, PrintWriter out) {
        name(root);
        for (Object next = unprinted.poll(); next != null; next = unprinted.poll()) {
            out.println(name(next));
            for (Class<?> type = next.getClass(); isOurs(type); type = type.getSuperclass()) {
                for (Field field : type.getDeclaredFields()) {
                    if (!Modifier.isStatic(field.getModifiers())) {
                        out.println("    " + field.getName() + " = " + valueOf(field, next));
                    }
                }
            }
        }
    }

    private String valueOf(Field field, Object owner) {
        try {
            field.setAccessible(true);
            return show(field.get(owner));
        } catch (ReflectiveOperationException | RuntimeException failure) {
            return failure.toString(); // it is in use, and may change under our hands
        }
    }

    private String show(@Nullable Object value) {
        return switch (value) {
            case null -> "null";
            case AtomicReference<?> reference -> "-> " + show(reference.get());
            case Collection<?> elements -> showAll(elements);
            case Map<?, ?> map -> showAll(map.entrySet());
            case Map.Entry<?, ?> entry -> show(entry.getKey()) + ": " + show(entry.getValue());
            case SelectionKey key -> key + (key.isValid() ? " for " + show(key.attachment()) : "");
            case Enum<?> constant -> constant.name();
            case Object[] array -> showArray(array);
            default -> isOurs(value.getClass()) ? name(value) : showForeign(value);
        };
    }

    private String showAll(Iterable<?> elements) {
        StringBuilder all = new StringBuilder("[");
        int left = MOST_ELEMENTS;
        for (Object each : elements) {
            all.append(all.length() == 1 ? "" : ", ").append(show(each));
            if (--left == 0) {
                return all.append(" ...]").toString();
            }
        }
        return all.append(']').toString();
    }

    private String showArray(Object[] array) {
        StringBuilder all = new StringBuilder("[" + array.length + ":");
        for (int i = 0; i < Math.min(array.length, MOST_ELEMENTS); i++) {
            if (array[i] != null) {
                all.append(' ').append(i).append('=').append(show(array[i]));
            }
        }
        return all.append(']').toString();
    }

    private static String showForeign(Object value) {
        return value.getClass().isArray()
                ? value.getClass().getComponentType() + "[" + Array.getLength(value) + "]"
                : String.valueOf(value);
    }

    private static boolean isOurs(Class<?> type) {
        return type.getName().startsWith(OURS);
    }

    /** {@return what stands for an object of the library; it is printed later if it is new} */
    private String name(Object ours) {
        Integer number = numbers.get(ours);
        if (number == null) {
            number = numbers.size();
            if (number < MOST_OBJECTS) {
                numbers.put(ours, number);
                unprinted.add(ours);
            }
        }
        return ours.getClass().getName().substring(OURS.length()) + "@" + number;
    }
}
