package dev.lockstep.net;

/** The four tensors of the network, in the order of model files and of {@code weights_sha256}. */
public enum ParameterTensor {
    /** Weights of the first layer [inputs, hidden]. */
    W1("W1"),
    /** Biases of the first layer [hidden]. */
    B1("b1"),
    /** Weights of the second layer [hidden, outputs]. */
    W2("W2"),
    /** Biases of the second layer [outputs]. */
    B2("b2");

    private final String label;

    ParameterTensor(String label) {
        this.label = label;
    }

    /** Name in files and tables: W1, b1, W2, b2. */
    public String label() {
        return label;
    }

    /** Sizes of the axes, without padding. */
    public int[] dimensions(NetworkShape shape) {
        return switch (this) {
            case W1 -> new int[] {shape.inputs(), shape.hidden()};
            case B1 -> new int[] {shape.hidden()};
            case W2 -> new int[] {shape.hidden(), shape.outputs()};
            case B2 -> new int[] {shape.outputs()};
        };
    }
}
