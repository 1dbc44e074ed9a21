package dev.lockstep.evaluate;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.net.Score;
import dev.lockstep.page.Figures;
import java.util.Locale;

/**
 * What is read off a confusion matrix: accuracy, and for each class precision (of those taken for it, the share that is),
 * recall (of those that are, the share taken for it) and F1, their harmonic mean. A share of nothing is 0.
 *
 * @param score the counts
 */
public record Metrics(Score score) {
    /** Of the examples taken for class k, the share that is of class k. */
    public double precision(int k) {
        long taken = 0;
        for (int label = 0; label < score.classes(); label++) {
            taken += score.count(label, k);
        }
        return share(score.count(k, k), taken);
    }

    /** Of the examples of class k, the share taken for class k. */
    public double recall(int k) {
        return share(score.count(k, k), examples(k));
    }

    /** 2 precision recall / (precision + recall). */
    public double f1(int k) {
        double sum = precision(k) + recall(k);
        return sum == 0 ? 0 : 2 * precision(k) * recall(k) / sum;
    }

    /** Examples of class k. */
    public long examples(int k) {
        long sum = 0;
        for (int prediction = 0; prediction < score.classes(); prediction++) {
            sum += score.count(k, prediction);
        }
        return sum;
    }

    private static double share(long part, long whole) {
        return whole == 0 ? 0 : (double) part / whole;
    }

    /** A table for people. */
    public String text() {
        StringBuilder text = new StringBuilder();
        text.append(String.format(
                Locale.ROOT,
                "%d examples, accuracy %.4f, mean loss %s%n%n",
                score.examples(),
                score.accuracy(),
                Figures.rounded(score.meanLoss())));
        text.append("class  examples  precision  recall      F1\n");
        for (int k = 0; k < score.classes(); k++) {
            text.append(String.format(
                    Locale.ROOT, "%5d %9d %10.4f %7.4f %7.4f%n", k, examples(k), precision(k), recall(k), f1(k)));
        }
        text.append("\nconfusion matrix: a row for each true class, a column for each predicted one\n");
        int width = Math.max(4, Long.toString(score.examples()).length() + 1);
        text.append("     ");
        for (int k = 0; k < score.classes(); k++) {
            text.append(String.format(Locale.ROOT, "%" + width + "d", k));
        }
        for (int label = 0; label < score.classes(); label++) {
            text.append(String.format(Locale.ROOT, "%n%5d", label));
            for (int k = 0; k < score.classes(); k++) {
                text.append(String.format(Locale.ROOT, "%" + width + "d", score.count(label, k)));
            }
        }
        return text.append(System.lineSeparator()).toString();
    }

    /** The same as JSON: examples, accuracy, loss, classes (precision, recall, f1), confusion (row = true class). */
    public ObjectNode json() {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("examples", score.examples());
        root.put("accuracy", score.accuracy());
        root.put("loss", score.meanLoss());
        ArrayNode classes = root.putArray("classes");
        ArrayNode confusion = root.putArray("confusion");
        for (int k = 0; k < score.classes(); k++) {
            ObjectNode node = classes.addObject();
            node.put("class", k);
            node.put("examples", examples(k));
            node.put("precision", precision(k));
            node.put("recall", recall(k));
            node.put("f1", f1(k));
            ArrayNode row = confusion.addArray();
            for (int prediction = 0; prediction < score.classes(); prediction++) {
                row.add(score.count(k, prediction));
            }
        }
        return root;
    }
}
