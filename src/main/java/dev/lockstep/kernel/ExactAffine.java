package dev.lockstep.kernel;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.nio.FloatBuffer;

/**
 * {@link Kernels#sparseAffine} element by element, in plain loops, where it matters that nothing is added for the columns in
 * which a row has no element: when a weight is not finite, or a sum so small that it became -0.0.
 */
final class ExactAffine {
    private ExactAffine() {}

    static void apply(SparseBatch x, FloatMatrix w, FloatArray bias, FloatMatrix out) {
        FloatBuffer weights = w.data().buffer();
        FloatBuffer result = out.data().buffer();
        for (int r = 0; r < x.rows(); r++) {
            int o = r * out.stride();
            for (int h = 0; h < w.stride(); h++) {
                result.put(o + h, bias.get(h));
            }
            for (int b = x.rowBegin(r); b < x.rowEnd(r); b++) {
                for (int i = 0; i < SparseBatch.COLUMNS; i++) {
                    float value = x.values()[b * SparseBatch.COLUMNS + i];
                    int at = (x.groupOf()[b] * SparseBatch.COLUMNS + i) * w.stride();
                    for (int h = 0; value != 0f && h < w.stride(); h++) {
                        result.put(o + h, Math.fma(value, weights.get(at + h), result.get(o + h)));
                    }
                }
            }
        }
    }
}
