package dev.lockstep.kernel;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;

/**
 * The contract of {@link Kernels} written down as plainly as it can be, one element at a time: what every implementation
 * must agree with in every bit. Of gradients {@link PlainGradient} does that; here they are such as will do.
 */
public final class PlainKernels implements Kernels {
    @Override
    public String name() {
        return "plain";
    }

    @Override
    public void sparseAffine(SparseBatch x, FloatMatrix w, FloatArray bias, int columns, FloatMatrix out) {
        for (int r = 0; r < x.rows(); r++) {
            for (int h = 0; h < w.stride(); h++) {
                float sum = bias.get(h);
                for (int v = x.blockOfRow(r) * 4; v < x.blockOfRow(r + 1) * 4; v++) {
                    if (x.values()[v] != 0f) {
                        sum = Math.fma(x.values()[v], w.get(x.groupOf()[v / 4] * 4 + v % 4, h), sum);
                    }
                }
                out.set(r, h, sum);
            }
        }
    }

    @Override
    public void activate(Activation activation, FloatMatrix a, int rows, int columns) {
        for (int r = 0; r < rows; r++) {
            for (int h = 0; h < a.stride(); h++) {
                float x = a.get(r, h);
                float z = switch (activation) {
                    case SIGMOID -> ElementaryFunctions.sigmoid(x);
                    case TANH -> ElementaryFunctions.tanh(x);
                    case RELU -> Math.max(x, 0f);
                };
                a.set(r, h, h < columns ? z : 0f);
            }
        }
    }

    @Override
    public void denseAffine(
            FloatMatrix z, int rows, FloatMatrix w2t, FloatArray bias, LayerScratch scratch, FloatMatrix out) {
        for (int r = 0; r < rows; r++) {
            for (int k = 0; k < out.stride(); k++) {
                out.set(r, k, k < w2t.rows() ? bias.get(k) + laneSum(z, r, w2t, k) : 0f);
            }
        }
    }

    private static float laneSum(FloatMatrix z, int r, FloatMatrix w2t, int k) {
        float[] lane = new float[LANES];
        for (int h = 0; h < z.stride(); h++) {
            lane[h % LANES] = Math.fma(z.get(r, h), w2t.get(k, h), lane[h % LANES]);
        }
        for (int half = LANES / 2; half >= 1; half /= 2) {
            for (int i = 0; i < half; i++) {
                lane[i] += lane[i + half];
            }
        }
        return lane[0];
    }

    @Override
    public void softmax(FloatMatrix a, int rows, int classes) {
        for (int r = 0; r < rows; r++) {
            float max = max(a, r, classes);
            float sum = 0f;
            for (int k = 0; k < classes; k++) {
                sum += ElementaryFunctions.exp(a.get(r, k) - max);
            }
            for (int k = 0; k < classes; k++) {
                a.set(r, k, ElementaryFunctions.exp(a.get(r, k) - max) / sum);
            }
        }
    }

    private static float max(FloatMatrix a, int r, int classes) {
        float max = a.get(r, 0);
        for (int k = 1; k < classes; k++) {
            max = Math.max(max, a.get(r, k));
        }
        return max;
    }

    @Override
    public void lossAndDelta(
            Loss loss,
            FloatMatrix a,
            ByteArray labels,
            int rows,
            int classes,
            float scale,
            LayerScratch scratch,
            FloatArray losses) {
        for (int r = 0; r < rows; r++) {
            int t = labels.get(r);
            float max = max(a, r, classes);
            float targetScore = a.get(r, t) - max;
            float sum = 0f;
            for (int k = 0; k < classes; k++) {
                sum += ElementaryFunctions.exp(a.get(r, k) - max);
            }
            softmax(new FloatMatrix(a.data().slice(r * a.stride(), a.stride()), 1, a.stride()), 1, classes);
            float squares = 0f;
            float dy = 0f;
            for (int k = 0; k < classes; k++) {
                float y = a.get(r, k);
                float d = k == t ? y - 1f : y;
                squares = Math.fma(d, d, squares);
                dy = Math.fma(d, y, dy);
            }
            losses.set(r, loss == Loss.CROSS_ENTROPY ? ElementaryFunctions.log(sum) - targetScore : 0.5f * squares);
            for (int k = 0; k < classes; k++) {
                float y = a.get(r, k);
                float d = k == t ? y - 1f : y;
                a.set(r, k, loss == Loss.CROSS_ENTROPY ? d * scale : (d - dy) * y * scale);
            }
        }
    }

    @Override
    public void hiddenDelta(
            Activation activation,
            FloatMatrix delta,
            int rows,
            FloatMatrix w2t,
            FloatMatrix z,
            LayerScratch scratch,
            FloatMatrix out) {
        for (int r = 0; r < rows; r++) {
            for (int h = 0; h < z.stride(); h++) {
                float sum = 0f;
                for (int k = 0; k < w2t.rows(); k++) {
                    sum = Math.fma(delta.get(r, k), w2t.get(k, h), sum);
                }
                float y = z.get(r, h);
                float slope = switch (activation) {
                    case SIGMOID -> y * (1f - y);
                    case TANH -> Math.fma(-y, y, 1f);
                    case RELU -> y > 0f ? 1f : 0f;
                };
                out.set(r, h, sum * slope);
            }
        }
    }

    @Override
    public boolean isFinite(FloatMatrix m, int rows) {
        boolean finite = true;
        for (int i = 0; i < rows * m.stride(); i++) {
            finite &= Float.isFinite(m.data().get(i));
        }
        return finite;
    }

    @Override
    public void sparseGradient(GradientSum sum, int fromGroup, int toGroup, SumScratch scratch) {
        for (int g = fromGroup; g < toGroup; g++) {
            ExactGradient.group(sum, g, scratch.stack());
        }
    }

    @Override
    public void denseGradient(GradientSum sum, SumScratch scratch) {
        ScalarTreeSum.apply(sum, scratch);
    }

    @Override
    public boolean isZero(FloatArray x, int from, int to) {
        boolean isZero = true;
        for (int i = from; i < to; i++) {
            isZero &= Float.floatToRawIntBits(x.get(i)) == 0;
        }
        return isZero;
    }

    @Override
    public boolean isSame(FloatArray x, FloatArray y, int from, int to) {
        boolean isSame = true;
        for (int i = from; i < to; i++) {
            isSame &= Float.floatToRawIntBits(x.get(i)) == Float.floatToRawIntBits(y.get(i));
        }
        return isSame;
    }

    @Override
    public void add(FloatArray x, FloatArray y) {
        for (int i = 0; i < y.length(); i++) {
            y.set(i, y.get(i) + x.get(i));
        }
    }

    @Override
    public void addScaled(float a, FloatArray x, FloatArray y) {
        for (int i = 0; i < y.length(); i++) {
            y.set(i, Math.fma(a, x.get(i), y.get(i)));
        }
    }

    @Override
    public void decayAndAdd(float a, FloatArray y, float b, FloatArray x) {
        for (int i = 0; i < y.length(); i++) {
            y.set(i, Math.fma(a, y.get(i), b * x.get(i)));
        }
    }
}
