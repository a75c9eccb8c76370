// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.tidy;

import static java.util.Objects.requireNonNull;

import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.ExpressionTree;
import com.sun.source.tree.IdentifierTree;
import com.sun.source.tree.ImportTree;
import com.sun.source.tree.MemberReferenceTree;
import com.sun.source.tree.MemberSelectTree;
import com.sun.source.tree.MethodInvocationTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SourcePositions;
import com.sun.source.util.TreeScanner;
import com.sun.source.util.Trees;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;

/** Rules about code rather than text: javac parses, so comments and literals cannot confuse them. */
final class TreeRules extends TreeScanner<@Nullable Void, @Nullable Void> {
    private static final int METHOD_LINES_MAX = 70;
    private static final int SAFETY_LINES_ABOVE = 6;

    private static final String FFI = "/dev/netpoll/internal/ffi/";
    private static final String FOREIGN = "java.lang.foreign.";
    private static final Set<String> FFI_ONLY =
            Set.of(FOREIGN + "*", FOREIGN + "Linker", FOREIGN + "SymbolLookup", FOREIGN + "FunctionDescriptor");
    private static final Set<String> UNSAFE_CALLS = Set.of("reinterpret", "ofAddress", "invokeExact");
    private static final Set<String> CONSOLE = Set.of("System.out", "System.err");

    private final SourceFile file;
    private final CompilationUnitTree unit;
    private final SourcePositions positions;
    private final List<Finding> findings;

    private TreeRules(SourceFile file, CompilationUnitTree unit, SourcePositions positions, List<Finding> findings) {
        this.file = file;
        this.unit = unit;
        this.positions = positions;
        this.findings = findings;
    }

    static List<Finding> check(List<SourceFile> files) throws IOException {
        List<Finding> findings = new ArrayList<>();
        Map<URI, SourceFile> filesByUri = new LinkedHashMap<>();
        files.forEach(file -> filesByUri.put(Source.uriOf(file), file));
        List<Source> sources = files.stream().map(Source::new).toList();
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        // Syntax errors are javac's to report.
        JavacTask task =
                (JavacTask) compiler.getTask(null, null, diagnostic -> {}, List.of("-proc:none"), null, sources);
        SourcePositions positions = Trees.instance(task).getSourcePositions();
        for (CompilationUnitTree unit : task.parse()) {
            // javac wraps our objects, so the way back to the file is the URI.
            SourceFile file = requireNonNull(filesByUri.get(unit.getSourceFile().toUri()));
            new TreeRules(file, unit, positions, findings).scan(unit, null);
        }
        return findings;
    }

    @Override
    public @Nullable Void visitMethod(MethodTree method, @Nullable Void none) {
        int lines = lineOf(positions.getEndPosition(unit, method)) - lineOf(method) + 1;
        if (lines > METHOD_LINES_MAX) {
            report(method, method.getName() + " has " + lines + " lines, more than " + METHOD_LINES_MAX);
        }
        return super.visitMethod(method, null);
    }

    @Override
    public @Nullable Void visitImport(ImportTree imported, @Nullable Void none) {
        if (imported.isStatic() && imported.getQualifiedIdentifier().toString().equals("java.lang.Thread.sleep")) {
            reportSleep(imported);
        }
        return super.visitImport(imported, null);
    }

    @Override
    public @Nullable Void visitMemberSelect(MemberSelectTree select, @Nullable Void none) {
        String name = select.toString();
        if (FFI_ONLY.contains(name) && !file.path().contains(FFI)) {
            report(select, name + " belongs to dev.netpoll.internal.ffi; add a typed call there");
        }
        if (CONSOLE.contains(name) && isLibrary()) {
            report(select, "a library does not print; use System.Logger, or throw");
        }
        return super.visitMemberSelect(select, null);
    }

    @Override
    public @Nullable Void visitMethodInvocation(MethodInvocationTree call, @Nullable Void none) {
        ExpressionTree method = call.getMethodSelect();
        String name = nameOf(method);
        if (UNSAFE_CALLS.contains(name) && !hasSafetyComment(lineOfName(method, name))) {
            report(call, name + " needs a '// SAFETY:' comment above that says why it is sound");
        }
        if (name.equals("printStackTrace") && isLibrary()) {
            report(call, "a library does not print; use System.Logger, or throw");
        }
        if (name.equals("sleep") && isSleep(method)) {
            reportSleep(call);
        }
        return super.visitMethodInvocation(call, null);
    }

    @Override
    public @Nullable Void visitMemberReference(MemberReferenceTree reference, @Nullable Void none) {
        if (reference.getName().contentEquals("sleep") && isSleeper(reference.getQualifierExpression())) {
            reportSleep(reference);
        }
        return super.visitMemberReference(reference, null);
    }

    private static String nameOf(ExpressionTree method) {
        return switch (method) {
            case MemberSelectTree select -> select.getIdentifier().toString();
            case IdentifierTree identifier -> identifier.getName().toString();
            default -> "";
        };
    }

    private static boolean isSleep(ExpressionTree method) {
        return method instanceof MemberSelectTree select && isSleeper(select.getExpression());
    }

    private static boolean isSleeper(Tree receiver) {
        String name = receiver.toString();
        return name.equals("Thread") || name.equals("java.lang.Thread") || name.contains("TimeUnit.");
    }

    private void reportSleep(Tree tree) {
        if (file.isIn("test")
                || file.path().startsWith("conformance/")
                || file.path().startsWith("testkit/")) {
            report(tree, "a test does not sleep; await the condition with a deadline");
        }
    }

    /** Part of a module that users have in their programs. */
    private boolean isLibrary() {
        return file.path().startsWith("core/src/main/") || file.path().startsWith("testkit/src/main/");
    }

    /** Looks above the line of the call and at that line itself. */
    private boolean hasSafetyComment(int line) {
        int first = Math.max(1, line - SAFETY_LINES_ABOVE);
        return file.lines().subList(first - 1, line).stream().anyMatch(text -> text.contains("// SAFETY:"));
    }

    /** The line of the method's name, which in a chain of calls is not where the expression begins. */
    private int lineOfName(ExpressionTree method, String name) {
        return lineOf(positions.getEndPosition(unit, method) - name.length());
    }

    private int lineOf(Tree tree) {
        return lineOf(positions.getStartPosition(unit, tree));
    }

    private int lineOf(long position) {
        return position < 0 ? 1 : (int) unit.getLineMap().getLineNumber(position);
    }

    private void report(Tree tree, String message) {
        findings.add(Finding.at(file, lineOf(tree), message));
    }

    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(SourceFile file) {
            super(uriOf(file), JavaFileObject.Kind.SOURCE);
            text = file.text();
        }

        static URI uriOf(SourceFile file) {
            return Path.of("/", file.path()).toUri();
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }
}
