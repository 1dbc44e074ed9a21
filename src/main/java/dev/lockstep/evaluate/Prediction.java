package dev.lockstep.evaluate;

/**
 * What a network makes of one image: a row of {@link PredictionJob}'s output on its way into Spark. Public, with getters,
 * setters and nothing else, because that is what Spark's encoder of beans makes code for.
 */
public final class Prediction {
    /** Stands for a label that is not known. */
    static final int NO_LABEL = -1;

    private String file;
    private int number;
    private int label;
    private int prediction;
    private float[] probabilities;

    /** The URI of the file that holds the image. */
    public String getFile() {
        return file;
    }

    public void setFile(String file) {
        this.file = file;
    }

    /** The image's number in the file, from 0. */
    public int getNumber() {
        return number;
    }

    public void setNumber(int number) {
        this.number = number;
    }

    /** The class that it is said to be of; -1 if nobody says. */
    public int getLabel() {
        return label;
    }

    public void setLabel(int label) {
        this.label = label;
    }

    /** The class that the network takes it for. */
    public int getPrediction() {
        return prediction;
    }

    public void setPrediction(int prediction) {
        this.prediction = prediction;
    }

    /** Of each class. */
    public float[] getProbabilities() {
        return probabilities;
    }

    public void setProbabilities(float[] probabilities) {
        this.probabilities = probabilities;
    }
}
