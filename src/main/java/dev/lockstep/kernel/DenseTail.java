package dev.lockstep.kernel;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.util.List;

/** The gradients that are sums of whole rows: out[k, :] = sum over rows r of factor[r, k] m[r, :], or of m[r, :] alone. */
enum DenseTail {
    /** By the second layer's weights: the activations, times the scores' deltas. */
    W2 {
        @Override
        FloatMatrix rows(GradientRows run) {
            return run.z();
        }

        @Override
        FloatMatrix factors(GradientRows run) {
            return run.scoreDelta();
        }

        @Override
        FloatArray of(Gradient gradient) {
            return gradient.w2t().data();
        }
    },
    /** By the first layer's biases: the hidden layer's deltas. */
    B1 {
        @Override
        FloatMatrix rows(GradientRows run) {
            return run.hiddenDelta();
        }

        @Override
        FloatArray of(Gradient gradient) {
            return gradient.b1();
        }
    },
    /** By the second layer's biases: the scores' deltas. */
    B2 {
        @Override
        FloatMatrix rows(GradientRows run) {
            return run.scoreDelta();
        }

        @Override
        FloatArray of(Gradient gradient) {
            return gradient.b2();
        }
    };

    /** All of them; {@code values()} would allocate. */
    static final List<DenseTail> ALL = List.of(values());

    /** The matrix whose rows are added up. */
    abstract FloatMatrix rows(GradientRows run);

    /** The factors of the rows, a column for each row of the result; null for 1. */
    FloatMatrix factors(GradientRows run) {
        return null;
    }

    /** The part of a gradient that it is. */
    abstract FloatArray of(Gradient gradient);

    /** Rows of the result. */
    int count(GradientSum sum) {
        return this == W2 ? sum.classes() : 1;
    }

    /** Columns of the result. */
    int width(GradientSum sum) {
        return rows(sum.run(0)).stride();
    }
}
