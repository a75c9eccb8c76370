// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.Label;
import java.lang.classfile.MethodModel;
import java.lang.classfile.MethodTransform;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LineNumber;
import java.lang.classfile.instruction.NewMultiArrayInstruction;
import java.lang.classfile.instruction.NewObjectInstruction;
import java.lang.classfile.instruction.NewPrimitiveArrayInstruction;
import java.lang.classfile.instruction.NewReferenceArrayInstruction;
import java.lang.classfile.instruction.ReturnInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.reflect.AccessFlag;
import java.util.Set;

/** Puts a call of {@link Faults} before all that can fail. */
final class Instrumenter {
    private static final ClassDesc FAULTS = ClassDesc.of("dev.netpoll.conformance.faults.Faults");
    private static final MethodTypeDesc VISIT = MethodTypeDesc.of(ConstantDescs.CD_void, ConstantDescs.CD_int);
    private static final MethodTypeDesc CALL = MethodTypeDesc.of(ConstantDescs.CD_int, ConstantDescs.CD_int);
    private static final MethodTypeDesc SUBMIT =
            MethodTypeDesc.of(ConstantDescs.CD_long, ConstantDescs.CD_long, ConstantDescs.CD_int);
    private static final MethodTypeDesc COMPLETE = MethodTypeDesc.of(ConstantDescs.CD_long, ConstantDescs.CD_long);

    private static final String FFI = "dev/netpoll/internal/ffi/";
    private static final String NIO = "dev/netpoll/internal/poll/nio/";

    /** Classes of the JDK whose methods of these names allocate. */
    private static final Set<String> ALLOCATING = Set.of(
            "java/lang/foreign/Arena#allocate",
            "java/lang/foreign/Arena#ofShared",
            "java/lang/foreign/Arena#ofAuto",
            "java/lang/foreign/Arena#ofConfined",
            "java/lang/foreign/MemorySegment#asSlice",
            "java/lang/foreign/MemorySegment#asByteBuffer",
            "java/lang/foreign/MemorySegment#reinterpret",
            "java/lang/Thread#start",
            "java/lang/Thread#startVirtualThread",
            "java/lang/Thread$Builder#unstarted",
            "java/lang/Thread$Builder#start",
            "java/lang/ref/Cleaner#register",
            "java/lang/System#getLogger",
            "java/lang/System$Logger#log",
            "java/util/concurrent/Executor#execute",
            "java/util/concurrent/CompletableFuture#orTimeout",
            "java/util/concurrent/CompletableFuture#get",
            "java/util/concurrent/CompletableFuture#join",
            "java/util/ArrayDeque#add",
            "java/util/ArrayDeque#push",
            "java/util/ArrayDeque#addLast",
            "java/util/ArrayList#add",
            "java/util/List#add",
            "java/util/List#copyOf",
            "java/util/Arrays#copyOf",
            "java/util/Map#put",
            "java/nio/ByteBuffer#allocate",
            "java/nio/ByteBuffer#allocateDirect");

    private Instrumenter() {}

    static byte[] instrument(byte[] bytes) {
        ClassFile format = ClassFile.of();
        ClassModel type = format.parse(bytes);
        String internal = type.thisClass().asInternalName();
        ClassTransform transform = (to, element) -> {
            if (element instanceof MethodModel method
                    && method.code().isPresent()
                    && !method.methodName().equalsString("<clinit>")) {
                to.transformMethod(method, MethodTransform.transformingCode(new Body(internal, method)));
            } else {
                to.with(element);
            }
        };
        return format.transformClass(type, transform);
    }

    /** One method. */
    private static final class Body implements CodeTransform {
        private final String owner;
        private final String place;
        private final MethodModel method;
        private int line;

        Body(String owner, MethodModel method) {
            this.owner = owner;
            this.method = method;
            place = owner.substring(owner.lastIndexOf('/') + 1) + "#"
                    + method.methodName().stringValue();
        }

        @Override
        public void atStart(CodeBuilder to) {
            if (isSystemCall()) {
                systemCall(to);
            } else if (place.equals("RingMemory#submission")) {
                to.lload(2)
                        .loadConstant(Faults.site("io_uring operation"))
                        .invokestatic(FAULTS, "submission", SUBMIT)
                        .lstore(2);
            } else if (!method.methodName().equalsString("<init>")) {
                visit(to, "entered", place);
            }
        }

        private boolean isSystemCall() {
            return owner.startsWith(FFI)
                    && method.flags().has(AccessFlag.STATIC)
                    && !method.flags().has(AccessFlag.PRIVATE)
                    && Errors.ofCall(place).length > 0;
        }

        private void systemCall(CodeBuilder to) {
            Label made = to.newLabel();
            boolean isLong = method.methodTypeSymbol().returnType().equals(ConstantDescs.CD_long);
            to.loadConstant(Faults.site(place))
                    .invokestatic(FAULTS, "systemCall", CALL)
                    .dup()
                    .ifeq(made);
            if (isLong) {
                to.i2l().lreturn();
            } else {
                to.ireturn();
            }
            to.labelBinding(made).pop();
        }

        @Override
        public void accept(CodeBuilder to, CodeElement element) {
            switch (element) {
                case LineNumber number -> line = number.line();
                case NewObjectInstruction made ->
                    allocation(to, made.className().asInternalName());
                case NewPrimitiveArrayInstruction _, NewReferenceArrayInstruction _, NewMultiArrayInstruction _ ->
                    allocation(to, "array");
                case InvokeDynamicInstruction call -> {
                    if (call.typeSymbol().parameterCount() > 0 && isAllocating(call)) {
                        allocation(to, call.name().stringValue());
                    }
                }
                case InvokeInstruction call -> {
                    String target = call.owner().asInternalName();
                    String name = call.name().stringValue();
                    if (ALLOCATING.contains(target + "#" + name)) {
                        allocation(to, target + "#" + name);
                    }
                    if (owner.startsWith(NIO)
                            && target.startsWith("java/nio/channels/")
                            && Errors.ofChannel(name).length > 0) {
                        visit(to, "channelCall", place + ":" + line + " " + name);
                    }
                }
                case ReturnInstruction end -> {
                    if (end.typeKind() == TypeKind.LONG && place.equals("RingMemory#resultAndFlags")) {
                        to.invokestatic(FAULTS, "completion", COMPLETE);
                    }
                }
                default -> {}
            }
            to.with(element);
        }

        private static boolean isAllocating(InvokeDynamicInstruction call) {
            String factory = call.bootstrapMethod().owner().displayName();
            return factory.contains("LambdaMetafactory") || factory.contains("StringConcatFactory");
        }

        private void allocation(CodeBuilder to, String what) {
            String name = what.substring(Math.max(what.lastIndexOf('/'), what.lastIndexOf('$')) + 1);
            visit(to, "allocation", place + ":" + line + " new " + name);
        }

        private static void visit(CodeBuilder to, String method, String site) {
            to.loadConstant(Faults.site(site)).invokestatic(FAULTS, method, VISIT);
        }
    }
}
