package dev.lockstep.kernel;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;

/**
 * The arithmetic of a training step on off-heap arrays. All implementations give the same bits: every element is computed
 * by the operations named here, in the order named here, with fused multiply-add wherever a product is added.
 *
 * <p>Matrices that run along the hidden units are padded to a stride that is a multiple of {@link #LANES}; padding holds
 * zeros and every method keeps it so. Implementations hold no state: any thread may call them, on arrays of its own.
 * Nothing is allocated.
 */
public interface Kernels {
    /** Rows along the hidden units and along the classes are padded to a multiple of this many floats: 64 bytes. */
    int LANES = 16;

    /** Name for logs and the run's summary. */
    String name();

    /**
     * Whether {@link #sparseGradient} reads the hidden layer's deltas by {@link GradientRows#blocks} and pixels by {@link
     * SparseBatch#entryValues}; else it reads deltas packed, and entries.
     */
    default boolean readsBlocks() {
        return false;
    }

    /**
     * The first layer: out[r, :] = bias + sum over row r's non-zeros j in ascending order of value_j W[column_j, :].
     *
     * @param x sparse rows [rows, inputs]
     * @param w weights [inputs, hidden]
     * @param bias [hidden]
     * @param columns hidden units; weights and biases of the padding are zero
     * @param out [at least rows, hidden]; padding is set to zero
     */
    void sparseAffine(SparseBatch x, FloatMatrix w, FloatArray bias, int columns, FloatMatrix out);

    /**
     * a = h(a) in place for the first {@code columns} columns; the padding is set to zero. Sigmoid and tanh are those of
     * {@link ElementaryFunctions}; relu is max(a, +0.0). NaN stays NaN, so that a run that has gone wrong shows it.
     *
     * @param a [at least rows, columns padded]
     */
    void activate(Activation activation, FloatMatrix a, int rows, int columns);

    /**
     * The second layer: out[r, k] = bias[k] + sum over h of z[r, h] W2[h, k]. The sum over h runs in {@link #LANES}
     * chains (h modulo LANES, ascending), whose results are added pairwise: lane i + lane i + 8, then + 4, + 2, + 1.
     *
     * @param z activations [at least rows, hidden]
     * @param w2t weights, transposed [classes, hidden]
     * @param bias [classes padded]
     * @param scratch of the calling thread, for as many hidden units and classes
     * @param out [at least rows, classes padded]; padding is set to zero
     */
    void denseAffine(FloatMatrix z, int rows, FloatMatrix w2t, FloatArray bias, LayerScratch scratch, FloatMatrix out);

    /**
     * Softmax in place over the first {@code classes} columns: y_k = exp(a_k - max a) / sum, the sum in ascending order.
     *
     * @param a [at least rows, classes padded]
     */
    void softmax(FloatMatrix a, int rows, int classes);

    /**
     * From scores before softmax to the loss of every row and its gradient by those scores, times {@code scale}, in place.
     * With y, max a and sum as in {@link #softmax}, label t, and d_k = y_k, but y_t - 1 for the label:
     *
     * <ul>
     *   <li>cross-entropy: the loss is log(sum) - (a_t - max a), by {@link ElementaryFunctions#log}; the gradient is d_k scale.
     *   <li>mse: the loss is 0.5 S with S = fma(d_k, d_k, S) in ascending order; the gradient is ((d_k - D) y_k) scale
     *       with D = fma(d_k, y_k, D) in ascending order.
     * </ul>
     *
     * @param a [at least rows, classes padded]
     * @param labels the class of each row
     * @param scratch of the calling thread, for as many classes
     * @param losses [at least rows] receives each row's loss, not scaled
     */
    void lossAndDelta(
            Loss loss,
            FloatMatrix a,
            ByteArray labels,
            int rows,
            int classes,
            float scale,
            LayerScratch scratch,
            FloatArray losses);

    /**
     * Back through the second layer and the activation: out[r, h] = (sum over k ascending of delta[r, k] W2[h, k]) h'(z[r, h]).
     * h' is z (1 - z) for sigmoid, fma(-z, z, 1) for tanh, and for relu 1 where z is positive, else 0.
     *
     * @param delta [at least rows, classes padded]
     * @param w2t [classes, hidden]
     * @param z activations [at least rows, hidden]
     * @param scratch as for {@link #denseAffine}
     * @param out [at least rows, hidden]
     */
    void hiddenDelta(
            Activation activation,
            FloatMatrix delta,
            int rows,
            FloatMatrix w2t,
            FloatMatrix z,
            LayerScratch scratch,
            FloatMatrix out);

    /** Whether the first {@code rows} rows hold neither infinities nor NaN, padding included. */
    boolean isFinite(FloatMatrix m, int rows);

    /**
     * The gradient by the first layer's weights: out[c, :] = sum over rows r along the tree of x[r, c] delta[r, :], for the
     * columns c of the groups from {@code fromGroup} to {@code toGroup} - 1. Rows of columns without an element are set to
     * zero. Several threads may do this at the same time, each for other groups.
     *
     * @param sum the rows of the wave, the order of additions, and where the sums go
     * @param scratch of the calling thread
     */
    void sparseGradient(GradientSum sum, int fromGroup, int toGroup, SumScratch scratch);

    /**
     * The other gradients. By the second layer's weights: out[k, :] = sum over rows r along the tree of delta[r, k] z[r, :].
     * By a bias: out = sum over rows r along the tree of delta[r, :]. Other threads may compute {@link #sparseGradient}
     * meanwhile.
     *
     * @param sum the rows of the wave, the order of additions, and where the sums go
     * @param scratch of the calling thread
     */
    void denseGradient(GradientSum sum, SumScratch scratch);

    /** Whether all elements from {@code from} to before {@code to} are +0.0. */
    boolean isZero(FloatArray x, int from, int to);

    /** Whether x and y are the same, bit for bit, from {@code from} to before {@code to}. */
    boolean isSame(FloatArray x, FloatArray y, int from, int to);

    /** y = y + x, element by element. */
    void add(FloatArray x, FloatArray y);

    /** y = fma(a, x, y), element by element. */
    void addScaled(float a, FloatArray x, FloatArray y);

    /** y = fma(a, y, b x) with b x rounded first, element by element: decay y and add x. */
    void decayAndAdd(float a, FloatArray y, float b, FloatArray x);
}
