package dev.lockstep.kernel;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.CharArray;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.memory.IntArray;

/**
 * The contract of {@link Kernels} written down as plainly as it can be, one element at a time: what every implementation
 * must agree with in every bit. It uses neither the column lists of the batch nor the tree's order of additions; it
 * finds elements by search and recurs over the shards.
 */
public final class PlainKernels implements Kernels {
    @Override
    public String name() {
        return "plain";
    }

    @Override
    public void copyPixels(ByteArray from, int first, FloatArray to, int offset, int count) {
        for (int i = 0; i < count; i++) {
            to.set(offset + i, from.get(first + i) / 255f);
        }
    }

    @Override
    public void copyColumns(CharArray from, int first, IntArray to, int offset, int count) {
        for (int i = 0; i < count; i++) {
            to.set(offset + i, from.get(first + i));
        }
    }

    @Override
    public void sparseAffine(SparseBatch x, FloatMatrix w, FloatArray bias, FloatMatrix out) {
        for (int r = 0; r < x.rows(); r++) {
            for (int h = 0; h < w.stride(); h++) {
                float sum = bias.get(h);
                for (int j = x.rowStart().get(r); j < x.rowStart().get(r + 1); j++) {
                    sum = Math.fma(x.values().get(j), w.get(x.columns().get(j), h), sum);
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
    public void denseAffine(FloatMatrix z, int rows, FloatMatrix w2t, FloatArray bias, FloatMatrix out) {
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
            Loss loss, FloatMatrix a, ByteArray labels, int rows, int classes, float scale, FloatArray losses) {
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
            losses.set(r, loss == Loss.CROSS_ENTROPY ? (float) (StrictMath.log(sum) - targetScore) : 0.5f * squares);
            for (int k = 0; k < classes; k++) {
                float y = a.get(r, k);
                float d = k == t ? y - 1f : y;
                a.set(r, k, loss == Loss.CROSS_ENTROPY ? d * scale : (d - dy) * y * scale);
            }
        }
    }

    @Override
    public void hiddenDelta(
            Activation activation, FloatMatrix delta, int rows, FloatMatrix w2t, FloatMatrix z, FloatMatrix out) {
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
    public void sparseGradient(SparseBatch x, FloatMatrix delta, SegmentTree tree, FloatMatrix out) {
        for (int c = 0; c < out.rows(); c++) {
            float[] column = column(x, c);
            for (int h = 0; h < out.stride(); h++) {
                int at = h;
                out.set(
                        c,
                        h,
                        total(tree, (sum, r) -> column[r] == 0f ? sum : Math.fma(column[r], delta.get(r, at), sum)));
            }
        }
    }

    private static float[] column(SparseBatch x, int c) {
        float[] column = new float[x.rows()];
        for (int r = 0; r < x.rows(); r++) {
            for (int j = x.rowStart().get(r); j < x.rowStart().get(r + 1); j++) {
                if (x.columns().get(j) == c) {
                    column[r] = x.values().get(j);
                }
            }
        }
        return column;
    }

    @Override
    public void denseGradient(FloatMatrix delta, FloatMatrix z, SegmentTree tree, FloatMatrix out) {
        for (int k = 0; k < out.rows(); k++) {
            for (int h = 0; h < out.stride(); h++) {
                int row = k;
                int at = h;
                out.set(k, h, total(tree, (sum, r) -> Math.fma(delta.get(r, row), z.get(r, at), sum)));
            }
        }
    }

    @Override
    public void biasGradient(FloatMatrix delta, SegmentTree tree, FloatArray out) {
        for (int h = 0; h < out.length(); h++) {
            int at = h;
            out.set(h, total(tree, (sum, r) -> sum + delta.get(r, at)));
        }
    }

    /** Adds row {@code row} to the sum of a segment. */
    private interface RowStep {
        float add(float sum, int row);
    }

    private static float total(SegmentTree tree, RowStep step) {
        Float total = node(tree, tree.low(), tree.high(), step);
        return total == null ? 0f : total;
    }

    /** The sum of the shards [low, high), or null if they have no rows. */
    private static Float node(SegmentTree tree, int low, int high, RowStep step) {
        if (high - low == 1) {
            int shard = low - tree.low();
            int first = shard == 0 ? 0 : tree.rowEnd(shard - 1);
            float sum = 0f;
            for (int r = first; r < tree.rowEnd(shard); r++) {
                sum = step.add(sum, r);
            }
            return tree.rowEnd(shard) == first ? null : (Float) (sum + 0f);
        }
        int mid = (low + high) / 2;
        Float left = node(tree, low, mid, step);
        Float right = node(tree, mid, high, step);
        if (left == null || right == null) {
            return left == null ? right : left;
        }
        return (Float) (left + right);
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
