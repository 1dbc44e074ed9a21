package dev.lockstep.net;

import java.nio.ByteBuffer;

/**
 * How a network does on a set of examples: their number, the sum of their losses, and the confusion matrix. Scores of
 * parts add up; adding them in the order of the parts gives the same bits each time.
 */
public final class Score {
    private final int classes;
    private final long[] confusion;
    private double lossSum;

    /** The score of no example. */
    public Score(int classes) {
        this.classes = classes;
        this.confusion = new long[classes * classes];
    }

    /** Adds one example. */
    public void add(int label, int prediction, double loss) {
        confusion[label * classes + prediction]++;
        lossSum += loss;
    }

    /** Adds the examples of another part. */
    public void add(Score other) {
        if (other.classes != classes) {
            throw new IllegalArgumentException("score of " + other.classes + " classes added to one of " + classes);
        }
        for (int i = 0; i < confusion.length; i++) {
            confusion[i] += other.confusion[i];
        }
        lossSum += other.lossSum;
    }

    /** Appends the sum of the losses and the confusion matrix to a buffer. */
    public void write(ByteBuffer out) {
        out.putDouble(lossSum);
        for (long count : confusion) {
            out.putLong(count);
        }
    }

    /** Reads what {@link #write} wrote. */
    public static Score read(ByteBuffer in, int classes) {
        Score score = new Score(classes);
        score.lossSum = in.getDouble();
        for (int i = 0; i < score.confusion.length; i++) {
            score.confusion[i] = in.getLong();
        }
        return score;
    }

    /** Number of classes. */
    public int classes() {
        return classes;
    }

    /** Examples of class {@code label} that were taken for class {@code prediction}. */
    public long count(int label, int prediction) {
        return confusion[label * classes + prediction];
    }

    /** Number of examples. */
    public long examples() {
        long sum = 0;
        for (long count : confusion) {
            sum += count;
        }
        return sum;
    }

    /** Examples that were taken for what they are. */
    public long correct() {
        long sum = 0;
        for (int k = 0; k < classes; k++) {
            sum += confusion[k * classes + k];
        }
        return sum;
    }

    /** Sum of the losses. */
    public double lossSum() {
        return lossSum;
    }

    /** Share of examples that were taken for what they are; NaN without examples. */
    public double accuracy() {
        return (double) correct() / examples();
    }

    /** Mean loss; NaN without examples. */
    public double meanLoss() {
        return lossSum / examples();
    }
}
