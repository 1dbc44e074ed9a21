package dev.lockstep.net;

import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.Kernels;
import dev.lockstep.kernel.Loss;
import dev.lockstep.kernel.SegmentTree;
import dev.lockstep.kernel.SparseBatch;

/**
 * The gradient by central differences, (E(w + h) - E(w - h)) / 2h with h = {@value #STEP}, in double precision: the
 * textbook's slow and certain way, to check backpropagation by and to train tiny networks with.
 *
 * <p>It recomputes only what a parameter touches. A weight W1[i, j] or bias b1[j] changes one hidden unit, and only for
 * examples whose pixel i is not zero; a weight W2[j, k] or bias b2[k] changes one score. Everything else of the forward
 * pass is kept from the unchanged parameters, so a difference costs one softmax an example instead of the whole network.
 * {@link StrictMath} makes the bits the same everywhere.
 */
public final class NumericalGradient {
    /** Half of the distance between the two points at which the loss is taken. */
    public static final double STEP = 1e-4;

    private final NetworkShape shape;
    private final Activation activation;
    private final Loss loss;
    private final Kernels kernels;

    /** The gradient of a network's loss. */
    public NumericalGradient(TwoLayerNet net) {
        this.shape = net.shape();
        this.activation = net.activation();
        this.loss = net.loss();
        this.kernels = net.kernels();
    }

    /**
     * The gradient for the rows of a batch, added up along the tree.
     *
     * @param w the parameters; not changed
     * @param x the examples [rows, inputs] with labels
     * @param tree the segments of x's rows, along which their gradients are added up
     * @param scale factor of each example's gradient
     * @param out receives the gradient; all of it is written
     * @return the sum of the rows' losses, not scaled
     */
    public double gradient(Parameters w, SparseBatch x, SegmentTree tree, float scale, Parameters out) {
        Segment pass = new Segment(w, x, scale);
        out.all().fill(0f);
        descend(pass, tree, tree.low(), tree.high(), out);
        return tree.sum(row -> pass.losses[row]);
    }

    /** Returns whether the node has rows; only then is {@code out} written. */
    private boolean descend(Segment pass, SegmentTree tree, int low, int high, Parameters out) {
        if (high - low == 1) {
            int s = low - tree.low();
            int from = s == 0 ? 0 : tree.rowEnd(s - 1);
            pass.differences(from, tree.rowEnd(s), out);
            return tree.rowEnd(s) > from;
        }
        int mid = SegmentTree.middle(low, high);
        if (!descend(pass, tree, low, mid, out)) {
            return descend(pass, tree, mid, high, out);
        }
        try (Parameters right = new Parameters(shape)) {
            if (descend(pass, tree, mid, high, right)) {
                kernels.add(right.all(), out.all());
            }
        }
        return true;
    }

    private double activate(double a) {
        return switch (activation) {
            case SIGMOID -> 1 / (1 + StrictMath.exp(-a));
            case TANH -> StrictMath.tanh(a);
            case RELU -> Math.max(a, 0);
        };
    }

    /** The loss of one example with scores a[k] + factor * direction[at + k * stride]. */
    private double loss(double[] a, double factor, double[] direction, int at, int stride, int label, double[] e) {
        int classes = shape.outputs();
        double max = Double.NEGATIVE_INFINITY;
        for (int k = 0; k < classes; k++) {
            e[k] = a[k] + factor * direction[at + k * stride];
            max = Math.max(max, e[k]);
        }
        double target = e[label] - max;
        double sum = 0;
        for (int k = 0; k < classes; k++) {
            e[k] = StrictMath.exp(e[k] - max);
            sum += e[k];
        }
        if (loss == Loss.CROSS_ENTROPY) {
            return StrictMath.log(sum) - target;
        }
        double squares = 0;
        for (int k = 0; k < classes; k++) {
            double d = e[k] / sum - (k == label ? 1 : 0);
            squares += d * d;
        }
        return squares / 2;
    }

    /** The forward pass of a batch with unchanged parameters, in double, and the differences from it. */
    private final class Segment {
        private final SparseBatch x;
        private final double scale;
        private final double[] w2t; // [outputs, hidden]
        private final double[] unit; // [outputs, outputs], the identity: the direction of a single score
        private final double[][] input; // a1 [rows, hidden]
        private final double[][] hidden; // z [rows, hidden]
        private final double[][] scores; // a2 [rows, outputs]
        private final double[] losses; // [rows]
        private final double[] scratch; // [outputs]

        Segment(Parameters w, SparseBatch x, float scale) {
            this.x = x;
            this.scale = scale;
            this.w2t = new double[shape.outputs() * shape.hidden()];
            this.unit = new double[shape.outputs() * shape.outputs()];
            this.input = new double[x.rows()][shape.hidden()];
            this.hidden = new double[x.rows()][shape.hidden()];
            this.scores = new double[x.rows()][shape.outputs()];
            this.losses = new double[x.rows()];
            this.scratch = new double[shape.outputs()];
            for (int k = 0; k < shape.outputs(); k++) {
                unit[k * shape.outputs() + k] = 1;
                for (int j = 0; j < shape.hidden(); j++) {
                    w2t[k * shape.hidden() + j] = w.w2t().get(k, j);
                }
            }
            for (int r = 0; r < x.rows(); r++) {
                forward(w, r);
            }
        }

        private void forward(Parameters w, int r) {
            for (int j = 0; j < shape.hidden(); j++) {
                double a = w.b1().get(j);
                for (int v = x.blockOfRow(r) * SparseBatch.COLUMNS;
                        v < x.blockOfRow(r + 1) * SparseBatch.COLUMNS;
                        v++) {
                    if (x.values()[v] != 0f) {
                        int column = x.groupOf()[v / SparseBatch.COLUMNS] * SparseBatch.COLUMNS;
                        a += (double) x.values()[v] * w.w1().get(column + v % SparseBatch.COLUMNS, j);
                    }
                }
                input[r][j] = a;
                hidden[r][j] = activate(a);
            }
            for (int k = 0; k < shape.outputs(); k++) {
                double a = w.b2().get(k);
                for (int j = 0; j < shape.hidden(); j++) {
                    a += hidden[r][j] * w2t[k * shape.hidden() + j];
                }
                scores[r][k] = a;
            }
            losses[r] = loss(scores[r], 0, unit, 0, 1, x.labels().get(r), scratch);
        }

        /** Writes the gradient of the rows from {@code from} to {@code to} where they have any; zeros stay elsewhere. */
        void differences(int from, int to, Parameters out) {
            for (int i = 0; i < shape.inputs(); i++) {
                int group = i / SparseBatch.COLUMNS;
                int end = x.ends()[group];
                int first = entryAtRow(x.begins()[group], end, from);
                int last = entryAtRow(first, end, to);
                for (int j = 0; j < shape.hidden() && first < last; j++) {
                    out.w1().set(i, j, central(hiddenDifferences(first, last, i % SparseBatch.COLUMNS, j)));
                }
            }
            for (int j = 0; j < shape.hidden(); j++) {
                double sum = 0;
                for (int r = from; r < to; r++) {
                    sum += hiddenDifference(r, j, 1);
                }
                out.b1().set(j, central(sum));
            }
            for (int k = 0; k < shape.outputs(); k++) {
                for (int j = 0; j < shape.hidden(); j++) {
                    double sum = 0;
                    for (int r = from; r < to; r++) {
                        sum += scoreDifference(r, k, hidden[r][j]);
                    }
                    out.w2t().set(k, j, central(sum));
                }
                double sum = 0;
                for (int r = from; r < to; r++) {
                    sum += scoreDifference(r, k, 1);
                }
                out.b2().set(k, central(sum));
            }
        }

        /** The sum over entries of a group, for the elements in one of its columns. */
        private double hiddenDifferences(int first, int last, int column, int j) {
            double sum = 0;
            for (int e = first; e < last; e++) {
                float pixel = x.value(e, column);
                if (pixel != 0f) {
                    sum += hiddenDifference(x.rowOf(e), j, pixel);
                }
            }
            return sum;
        }

        private int entryAtRow(int first, int end, int row) {
            int e = first;
            while (e < end && x.rowOf(e) < row) {
                e++;
            }
            return e;
        }

        /** Adding +0.0 keeps -0.0 out of sums, as {@link SegmentTree} asks. */
        private float central(double differences) {
            return (float) (differences / (2 * STEP) * scale) + 0f;
        }

        private double hiddenDifference(int r, int j, double pixel) {
            double up = activate(input[r][j] + STEP * pixel) - hidden[r][j];
            double down = activate(input[r][j] - STEP * pixel) - hidden[r][j];
            int label = x.labels().get(r);
            return loss(scores[r], up, w2t, j, shape.hidden(), label, scratch)
                    - loss(scores[r], down, w2t, j, shape.hidden(), label, scratch);
        }

        private double scoreDifference(int r, int k, double slope) {
            int row = k * shape.outputs();
            int label = x.labels().get(r);
            return loss(scores[r], STEP * slope, unit, row, 1, label, scratch)
                    - loss(scores[r], -STEP * slope, unit, row, 1, label, scratch);
        }
    }
}
