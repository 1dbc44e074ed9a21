package dev.lockstep.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.page.Figures;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.BinaryOperator;

/**
 * What {@code metrics.jsonl} says, thinned to what an eye can tell apart, in memory that does not depend on its length.
 *
 * @param batches losses of mini-batches
 * @param evaluations of train, validation and test
 * @param damagedLines lines that hold nothing of use
 */
record Curves(List<Curves.Batch> batches, List<Curves.Evaluated> evaluations, long damagedLines) {
    static final int MAX_POINTS = 400;
    private static final int MAX_LINE_CHARS = 1 << 16;

    /** Losses of so many logged mini-batches, neighbours of each other; step is the last of them. */
    record Batch(long step, double lossSum, long count) {
        double loss() {
            return lossSum / count;
        }
    }

    /** An evaluation; NaN for a split that has none. */
    record Evaluated(
            long step,
            double epoch,
            double trainLoss,
            double validationLoss,
            double testLoss,
            double trainAccuracy,
            double validationAccuracy,
            double testAccuracy) {
        boolean hasValidation() {
            return Double.isFinite(validationLoss);
        }
    }

    /** Reads all of a file; the caller closes it. */
    static Curves read(InputStream file) throws IOException {
        Thinning<Batch> batches = new Thinning<>(
                MAX_POINTS,
                (first, second) ->
                        new Batch(second.step(), first.lossSum() + second.lossSum(), first.count() + second.count()));
        Thinning<Evaluated> evaluations = new Thinning<>(MAX_POINTS, (first, second) -> second);
        ObjectMapper json = new ObjectMapper();
        Reader in = new BufferedReader(new InputStreamReader(file, StandardCharsets.UTF_8));
        Evaluated lowest = null; // thinning may drop it, and what the report says of over-fitting rests on it
        long damaged = 0;
        StringBuilder line = new StringBuilder();
        while (readLine(in, line)) {
            JsonNode node = parse(json, line.toString());
            long step = node.path("step").asLong(-1);
            if (step >= 0 && node.has("test_loss")) {
                Evaluated evaluated = evaluated(step, node);
                evaluations.add(evaluated);
                if (lowest == null || Double.isNaN(lowest.testLoss()) || evaluated.testLoss() < lowest.testLoss()) {
                    lowest = evaluated;
                }
            } else if (step >= 0 && node.path("loss").isNumber()) {
                batches.add(new Batch(step, node.path("loss").doubleValue(), 1));
            } else {
                damaged++;
            }
        }
        return new Curves(batches.points(), with(lowest, evaluations.points()), damaged);
    }

    /** The points, ascending, and this one among them. */
    private static List<Evaluated> with(Evaluated one, List<Evaluated> points) {
        if (one == null || points.contains(one)) {
            return points;
        }
        List<Evaluated> all = new ArrayList<>(points);
        all.add(one);
        all.sort(Comparator.comparingLong(Evaluated::step));
        return List.copyOf(all);
    }

    private static Evaluated evaluated(long step, JsonNode node) {
        return new Evaluated(
                step,
                Figures.number(node, "epoch"),
                Figures.number(node, "train_loss"),
                Figures.number(node, "validation_loss"),
                Figures.number(node, "test_loss"),
                Figures.number(node, "train_accuracy"),
                Figures.number(node, "validation_accuracy"),
                Figures.number(node, "test_accuracy"));
    }

    private static JsonNode parse(ObjectMapper json, String line) {
        try {
            return json.readTree(line);
        } catch (JsonProcessingException e) {
            return json.nullNode();
        }
    }

    /** Reads a line into the buffer, or the beginning of one that is longer than any of ours; returns whether there was one. */
    private static boolean readLine(Reader in, StringBuilder line) throws IOException {
        line.setLength(0);
        int c = in.read();
        if (c < 0) {
            return false;
        }
        for (; c >= 0 && c != '\n'; c = in.read()) {
            if (line.length() < MAX_LINE_CHARS) {
                line.append((char) c);
            }
        }
        return true;
    }

    /** Keeps at most so many points of a series of any length: when it is full, neighbours become one. */
    private static final class Thinning<T> {
        private final int maxPoints;
        private final BinaryOperator<T> merge;
        private List<T> points = new ArrayList<>();
        private T pending; // what a whole point is being made of
        private int merged; // in it
        private int stride = 1;

        Thinning(int maxPoints, BinaryOperator<T> merge) {
            this.maxPoints = maxPoints;
            this.merge = merge;
        }

        void add(T point) {
            pending = merged == 0 ? point : merge.apply(pending, point);
            merged++;
            if (merged == stride) {
                points.add(pending);
                merged = 0;
                if (points.size() == maxPoints) {
                    halve();
                }
            }
        }

        private void halve() {
            List<T> half = new ArrayList<>();
            for (int i = 0; i + 1 < points.size(); i += 2) {
                half.add(merge.apply(points.get(i), points.get(i + 1)));
            }
            points = half;
            stride *= 2;
        }

        /** All of them; the newest, which a report is to end with, is among them. */
        List<T> points() {
            List<T> all = new ArrayList<>(points);
            if (merged > 0) {
                all.add(pending);
            }
            return List.copyOf(all);
        }
    }
}
