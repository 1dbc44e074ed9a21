package dev.lockstep.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockstep.BadInputException;
import dev.lockstep.memory.LeakCheck;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class KernelChoiceTest extends KernelContracts {
    private static final int JAVA = Runtime.version().feature();
    private static final Kernels KERNELS = KernelChoice.AUTO.kernels();

    /** Java 17 reads byte buffers as vectors, Java 22 and later memory segments; the build made kernels for those it can compile. */
    @Test
    void autoTakesVectorKernelsWhereThereAreSome() {
        String explained = KernelChoice.explainAuto();
        if (explained.matches("scalar \\(vectors of \\d+ bits, and the kernels need 256\\)")) {
            return; // a machine without vectors that are wide enough
        }
        boolean hasSegments = KernelChoice.class.getResource("SegmentKernels.class") != null;
        if (JAVA == 17) {
            assertThat(KERNELS.getClass().getSimpleName()).isEqualTo("VectorKernels");
            assertThat(explained).matches("vector-(256|512) \\(Java 17, byte buffers\\)");
        } else if (JAVA >= 22 && hasSegments) {
            assertThat(KERNELS.getClass().getSimpleName()).isEqualTo("SegmentKernels");
            assertThat(explained).matches("vector-(256|512) \\(Java " + JAVA + ", memory segments\\)");
        } else if (JAVA >= 19) {
            assertThat(KERNELS).isInstanceOf(ScalarKernels.class);
            assertThat(explained).startsWith("scalar (");
        }
        assertThat(KernelChoice.AUTO.kernels()).isSameAs(KERNELS);
    }

    @Test
    void scalarIsThereEverywhere() {
        assertThat(KernelChoice.SCALAR.kernels()).isInstanceOf(ScalarKernels.class);
    }

    @Test
    void vectorIsVectorOrRefused() {
        if (KERNELS.name().startsWith("vector")) {
            assertThat(KernelChoice.VECTOR.kernels()).isSameAs(KERNELS);
        } else {
            assertThatThrownBy(KernelChoice.VECTOR::kernels)
                    .isInstanceOf(BadInputException.class)
                    .hasMessageStartingWith("--kernel vector: expected a JVM that runs the vector kernels, found Java "
                            + JAVA + " in process ")
                    .hasMessageEndingWith(": " + KernelTrial.HERE.reason());
        }
    }

    /** Whatever the reason, there are other kernels, and it is told. */
    @Test
    void reasonsAgainstVectorKernels() {
        assertThat(KernelTrial.of(JAVA, false))
                .isEqualTo(new KernelTrial(null, "no jdk.incubator.vector in this JVM, see --add-modules"));
        for (int feature : new int[] {19, 21}) {
            assertThat(KernelTrial.of(feature, true))
                    .isEqualTo(new KernelTrial(
                            null,
                            "the vector API of Java " + feature + " reads neither byte buffers nor memory segments"));
        }
    }

    /** Class files that this JVM cannot load, and those whose methods it does not have, are a reason too. */
    @Test
    void kernelsForAnotherJavaDoNotRunHere() {
        KernelTrial trial = KernelTrial.of(JAVA >= 19 ? 17 : 25, true);
        assertThat(trial.kernels()).isNull();
        assertThat(trial.reason())
                .matches(
                        JAVA >= 19
                                ? "VectorKernels do not run on Java 17: .*"
                                : "SegmentKernels do not run on Java 25: .*|the jar has no vector kernels for Java 25, .*");
    }

    @Override
    Kernels kernels() {
        return KERNELS;
    }
}
