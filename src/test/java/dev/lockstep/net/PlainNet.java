package dev.lockstep.net;

import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.Loss;
import dev.lockstep.kernel.RandomBatch;
import java.util.Arrays;

/** The network as a textbook has it: dense matrices of doubles on the heap, every number computed anew each time. */
final class PlainNet {
    private final TwoLayerNet net;
    private final double[][] tensors = new double[ParameterTensor.values().length][];

    PlainNet(TwoLayerNet net, Parameters parameters) {
        this.net = net;
        for (ParameterTensor tensor : ParameterTensor.values()) {
            float[] values = parameters.values(tensor);
            double[] copy = new double[values.length];
            for (int i = 0; i < copy.length; i++) {
                copy[i] = values[i];
            }
            tensors[tensor.ordinal()] = copy;
        }
    }

    /** a1 = x W1 + b1 of one example [hidden]. */
    double[] hiddenInput(float[] pixels) {
        NetworkShape shape = net.shape();
        double[] a = tensors[ParameterTensor.B1.ordinal()].clone();
        for (int i = 0; i < shape.inputs(); i++) {
            for (int j = 0; j < shape.hidden(); j++) {
                a[j] += pixels[i] * tensors[ParameterTensor.W1.ordinal()][i * shape.hidden() + j];
            }
        }
        return a;
    }

    /** y = softmax(h(a1) W2 + b2) of one example [outputs]. */
    double[] probabilities(float[] pixels) {
        NetworkShape shape = net.shape();
        double[] a1 = hiddenInput(pixels);
        double[] a2 = tensors[ParameterTensor.B2.ordinal()].clone();
        for (int j = 0; j < shape.hidden(); j++) {
            double z = activate(a1[j]);
            for (int k = 0; k < shape.outputs(); k++) {
                a2[k] += z * tensors[ParameterTensor.W2.ordinal()][j * shape.outputs() + k];
            }
        }
        double max = Arrays.stream(a2).max().orElseThrow();
        double[] y = Arrays.stream(a2).map(a -> Math.exp(a - max)).toArray();
        double sum = Arrays.stream(y).sum();
        return Arrays.stream(y).map(e -> e / sum).toArray();
    }

    private double activate(double a) {
        Activation activation = net.activation();
        return switch (activation) {
            case SIGMOID -> 1 / (1 + Math.exp(-a));
            case TANH -> Math.tanh(a);
            case RELU -> Math.max(a, 0);
        };
    }

    /** The loss of one example. */
    double loss(float[] pixels, int label) {
        double[] y = probabilities(pixels);
        if (net.loss() == Loss.CROSS_ENTROPY) {
            return -Math.log(y[label]);
        }
        double sum = 0;
        for (int k = 0; k < y.length; k++) {
            double d = y[k] - (k == label ? 1 : 0);
            sum += d * d / 2;
        }
        return sum;
    }

    /** The sum of the losses of a whole batch. */
    double lossSum(RandomBatch batch) {
        double sum = 0;
        for (int r = 0; r < batch.labels().length; r++) {
            sum += loss(batch.pixels()[r], batch.labels()[r]);
        }
        return sum;
    }

    /** The plain way to a numerical gradient: two whole passes over the batch for each parameter. */
    double[] differences(ParameterTensor tensor, RandomBatch batch, double step, double scale) {
        double[] values = tensors[tensor.ordinal()];
        double[] gradient = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            double value = values[i];
            values[i] = value + step;
            double up = lossSum(batch);
            values[i] = value - step;
            double down = lossSum(batch);
            values[i] = value;
            gradient[i] = (up - down) / (2 * step) * scale;
        }
        return gradient;
    }
}
