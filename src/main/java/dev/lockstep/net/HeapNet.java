package dev.lockstep.net;

import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.ElementaryFunctions;
import dev.lockstep.kernel.Kernels;
import java.io.Serializable;
import java.util.Arrays;

/**
 * A trained network on the Java heap, for one example at a time where nobody can say when off-heap memory is to be freed: in
 * a function of Spark SQL, in an answer to a request. It gives the bits of {@link TwoLayerNet} with any {@link Kernels}, and
 * travels with Java's serialisation. Immutable; any thread.
 *
 * <p>For each example: {@link #newHidden}, {@link #addInput} for its inputs that are not zero in ascending order, {@link
 * #activate}, {@link #scores}, {@link #softmax}.
 */
public final class HeapNet implements Serializable {
    private static final long serialVersionUID = 1L;

    private final NetworkShape shape;
    private final Activation activation;
    private final float[] w1; // [inputs, hidden]
    private final float[] b1; // [hidden padded]
    private final float[] w2t; // [outputs, hidden padded]
    private final float[] b2; // [outputs]

    /** Copies parameters, which the caller keeps. */
    public HeapNet(Parameters weights, Activation activation) {
        this.shape = weights.shape();
        this.activation = activation;
        this.w1 = weights.values(ParameterTensor.W1);
        this.b1 = Arrays.copyOf(weights.values(ParameterTensor.B1), shape.paddedHidden());
        this.b2 = weights.values(ParameterTensor.B2);
        this.w2t = new float[shape.outputs() * shape.paddedHidden()];
        float[] w2 = weights.values(ParameterTensor.W2);
        for (int h = 0; h < shape.hidden(); h++) {
            for (int k = 0; k < shape.outputs(); k++) {
                w2t[k * shape.paddedHidden() + h] = w2[h * shape.outputs() + k];
            }
        }
    }

    /** Sizes of the network. */
    public NetworkShape shape() {
        return shape;
    }

    /** The hidden layer's function. */
    public Activation activation() {
        return activation;
    }

    /** The parameters off-heap; the caller owns them. */
    public Parameters parameters() {
        Parameters weights = new Parameters(shape);
        weights.setValues(ParameterTensor.W1, w1);
        weights.setValues(ParameterTensor.B1, Arrays.copyOf(b1, shape.hidden()));
        weights.setValues(ParameterTensor.B2, b2);
        for (int h = 0; h < shape.hidden(); h++) {
            for (int k = 0; k < shape.outputs(); k++) {
                weights.set(ParameterTensor.W2, h * shape.outputs() + k, w2t[k * shape.paddedHidden() + h]);
            }
        }
        return weights;
    }

    /** What the hidden layer's input begins with: the biases [hidden padded]. */
    public float[] newHidden() {
        return b1.clone();
    }

    /** z = z + x W1[column, :]. */
    public void addInput(int column, float x, float[] z) {
        int hidden = shape.hidden();
        int row = column * hidden;
        for (int h = 0; h < hidden; h++) {
            z[h] = Math.fma(x, w1[row + h], z[h]);
        }
    }

    /** From the hidden layer's input to its output, in place. */
    public void activate(float[] z) {
        for (int h = 0; h < shape.hidden(); h++) {
            z[h] = switch (activation) {
                case SIGMOID -> ElementaryFunctions.sigmoid(z[h]);
                case TANH -> ElementaryFunctions.tanh(z[h]);
                case RELU -> Math.max(z[h], 0f);
            };
        }
    }

    /** The scores of the classes [outputs], from the hidden layer's output; added in the order of {@link Kernels#denseAffine}. */
    public float[] scores(float[] z) {
        float[] scores = new float[shape.outputs()];
        float[] lanes = new float[Kernels.LANES];
        for (int k = 0; k < scores.length; k++) {
            Arrays.fill(lanes, 0f);
            int row = k * z.length;
            for (int first = 0; first < z.length; first += Kernels.LANES) {
                for (int lane = 0; lane < Kernels.LANES; lane++) {
                    lanes[lane] = Math.fma(z[first + lane], w2t[row + first + lane], lanes[lane]);
                }
            }
            for (int distance = Kernels.LANES / 2; distance > 0; distance /= 2) {
                for (int lane = 0; lane < distance; lane++) {
                    lanes[lane] += lanes[lane + distance];
                }
            }
            scores[k] = b2[k] + lanes[0];
        }
        return scores;
    }

    /** From scores to probabilities, in place; added in the order of {@link Kernels#softmax}. */
    public static void softmax(float[] scores) {
        float max = scores[0];
        for (float score : scores) {
            max = Math.max(max, score);
        }
        float sum = 0f;
        for (int k = 0; k < scores.length; k++) {
            scores[k] = ElementaryFunctions.exp(scores[k] - max);
            sum += scores[k];
        }
        for (int k = 0; k < scores.length; k++) {
            scores[k] /= sum;
        }
    }
}
