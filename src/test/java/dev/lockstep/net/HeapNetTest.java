package dev.lockstep.net;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.kernel.RandomBatch;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.memory.LeakCheck;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** One example on the heap is what a batch off-heap is, bit for bit. */
@ExtendWith(LeakCheck.class)
class HeapNetTest {
    static Stream<GradientCase> cases() {
        return TwoLayerNetTest.cases();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void givesTheBitsOfTheKernels(GradientCase c) {
        RandomBatch batch = c.batch();
        try (Parameters w = c.parameters();
                SparseBatch x = batch.sparse(0, c.shards());
                Workspace workspace = new Workspace(c.shape(), x)) {
            HeapNet net = new HeapNet(w, c.activation());
            FloatMatrix y = c.net().predict(w, x, workspace, new int[c.rows()]);
            for (int r = 0; r < c.rows(); r++) {
                float[] pixels = batch.pixels()[r];
                float[] z = net.newHidden();
                for (int column = 0; column < pixels.length; column++) {
                    if (pixels[column] != 0f) {
                        net.addInput(column, pixels[column], z);
                    }
                }
                net.activate(z);
                float[] found = net.scores(z);
                HeapNet.softmax(found);
                float[] expected = new float[found.length];
                for (int k = 0; k < expected.length; k++) {
                    expected[k] = y.get(r, k);
                }
                assertThat(found).as("example %d", r).isEqualTo(expected);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void keepsTheParameters(GradientCase c) {
        try (Parameters w = c.parameters();
                Parameters back = new HeapNet(w, c.activation()).parameters()) {
            for (ParameterTensor tensor : ParameterTensor.values()) {
                assertThat(Arrays.equals(back.values(tensor), w.values(tensor)))
                        .as("%s", tensor)
                        .isTrue();
            }
        }
    }
}
