// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.tidy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each rule finds what it is for, and nothing beside it. */
class RulesTest {
    private static final String HEADER =
            "// SPDX-License-Identifier: Apache-2.0\n// Copyright The Netpoll for Java Authors\n";
    private static final String CORE = "core/src/main/java/dev/netpoll/A.java";
    private static final String FFI = "core/src/main/java/dev/netpoll/internal/ffi/A.java";
    private static final String TEST = "core/src/test/java/dev/netpoll/A.java";
    private static final String TESTKIT = "testkit/src/main/java/dev/netpoll/testkit/A.java";
    private static final String CONFORMANCE = "conformance/src/main/java/dev/netpoll/A.java";

    @ParameterizedTest
    @ValueSource(strings = {"\tint a;", "int a; ", "// TO" + "DO later", " * FIX" + "ME", "/* TO" + "DO */"})
    void findsLinesToMend(String line) {
        assertThat(TextRules.check(new SourceFile(CORE, HEADER + line + "\n")))
                .singleElement()
                .extracting(Finding::line)
                .isEqualTo(3);
    }

    @ParameterizedTest
    @ValueSource(strings = {"int a;", "// TO" + "DO #12: later", "String s = \"TO" + "DO\";", "// todos"})
    void acceptsOtherLines(String line) {
        assertThat(TextRules.check(new SourceFile(CORE, HEADER + line + "\n"))).isEmpty();
    }

    @Test
    void findsLinesThatAreTooLong() {
        assertThat(TextRules.check(new SourceFile(CORE, HEADER + "a".repeat(120))))
                .isEmpty();
        assertThat(TextRules.check(new SourceFile(CORE, HEADER + "a".repeat(121))))
                .hasSize(1);
    }

    @Test
    void findsAMissingHeader() {
        assertThat(TextRules.check(new SourceFile(CORE, "class A {}\n"))).hasSize(1);
    }

    @Test
    void findsAPackageWithoutDescription() {
        SourceFile description = new SourceFile("core/src/main/java/dev/netpoll/package-info.java", "");
        assertThat(PackageRules.check(List.of(new SourceFile(CORE, "")))).hasSize(1);
        assertThat(PackageRules.check(List.of(new SourceFile(CORE, ""), description)))
                .isEmpty();
        assertThat(PackageRules.check(List.of(new SourceFile(TEST, "")))).isEmpty();
    }

    @Test
    void limitsTheLengthOfFiles() {
        LongFiles listed = LongFiles.parse("# a comment\n\n" + CORE + " one algorithm, kept in one place\n");
        assertThat(listed.check(List.of(new SourceFile(CORE, "\n".repeat(401)))))
                .isEmpty();
        assertThat(listed.check(List.of(new SourceFile(CORE, "\n".repeat(801)))))
                .hasSize(1);
        assertThat(listed.check(List.of(new SourceFile(CORE, "\n")))).hasSize(1);
        LongFiles noReason = LongFiles.parse(CORE + "\n");
        assertThat(noReason.check(List.of(new SourceFile(CORE, "\n".repeat(401)))))
                .hasSize(1);
        LongFiles none = LongFiles.parse("");
        assertThat(none.check(List.of(new SourceFile(CORE, "\n".repeat(401))))).hasSize(1);
        assertThat(none.check(List.of(new SourceFile(CORE, "\n".repeat(400))))).isEmpty();
    }

    @Test
    void limitsTheLengthOfMethods() throws IOException {
        assertThat(check(CORE, "void a() {" + "\n".repeat(69) + "}")).isEmpty();
        assertThat(check(CORE, "void a() {" + "\n".repeat(70) + "}")).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"System.out.println();", "System.err.println();", "e.printStackTrace();"})
    void theLibraryDoesNotPrint(String statement) throws IOException {
        assertThat(check(CORE, "void a() {" + statement + "}")).hasSize(1);
        assertThat(check(TESTKIT, "void a() {" + statement + "}")).hasSize(1);
        assertThat(check(TEST, "void a() {" + statement + "}")).isEmpty();
        assertThat(check(CORE, "void a() { /* " + statement + " */ }")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"Thread.sleep(1);", "TimeUnit.SECONDS.sleep(1);", "run(Thread::sleep);"})
    void testsDoNotSleep(String statement) throws IOException {
        assertThat(check(TEST, "void a() {" + statement + "}")).hasSize(1);
        assertThat(check(CONFORMANCE, "void a() {" + statement + "}")).hasSize(1);
        assertThat(check(TESTKIT, "void a() {" + statement + "}")).hasSize(1);
        assertThat(check(CORE, "void a() {" + statement + "}")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"Linker", "SymbolLookup", "FunctionDescriptor", "*"})
    void onlyFfiLinks(String type) throws IOException {
        SourceFile core = new SourceFile(CORE, "import java.lang.foreign." + type + ";\nclass A {}\n");
        SourceFile ffi = new SourceFile(FFI, core.text());
        assertThat(TreeRules.check(List.of(core))).hasSize(1);
        assertThat(TreeRules.check(List.of(ffi))).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"s.reinterpret(8)", "MemorySegment.ofAddress(a)", "(int) HANDLE.invokeExact(fd)"})
    void unsafeCallsSayWhyTheyAreSound(String call) throws IOException {
        assertThat(check(FFI, "Object a() { return " + call + "; }")).hasSize(1);
        assertThat(check(FFI, "Object a() {\n// SAFETY: reason\n\n\n\n\n\nreturn " + call + "; }"))
                .isEmpty();
        assertThat(check(FFI, "Object a() {\n// SAFETY: reason\n\n\n\n\n\n\nreturn " + call + "; }"))
                .hasSize(1);
    }

    private static List<Finding> check(String path, String member) throws IOException {
        return TreeRules.check(List.of(new SourceFile(path, "class A {\n" + member + "\n}\n")));
    }
}
