package dev.lockstep.tune;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.Serializer;
import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.data.Shard;
import dev.lockstep.net.Score;
import dev.lockstep.step.LoadReport;
import java.util.Comparator;
import java.util.Locale;

/**
 * How a trial does after a rung. Immutable but for the array.
 *
 * @param trial its number
 * @param steps that the rung asked for
 * @param status how it ended
 * @param message what went wrong; empty if nothing did
 * @param train score on the training examples; of no examples if it went wrong
 * @param validation score on the held-out examples; of no examples if it went wrong
 * @param weightsSha256 of the weights; empty if it went wrong
 * @param modelStep steps that these weights have seen: with early stopping, those of the best ones
 * @param seconds that this rung of it took
 * @param data fingerprints of what it trained on
 * @param state to go on from, as the bytes of a checkpoint, or at the end of all its steps the bytes of its tensors; null
 *     where it is not kept
 */
public record TrialEnd(
        int trial,
        long steps,
        Status status,
        String message,
        Figures train,
        Figures validation,
        String weightsSha256,
        long modelStep,
        double seconds,
        LoadReport data,
        byte[] state) {
    /** The better first: by accuracy on the held-out examples, then by their loss, then by number; what went wrong last. */
    public static final Comparator<TrialEnd> BEST_FIRST = Comparator.comparing((TrialEnd end) -> !end.isDone())
            .thenComparing(Comparator.comparingDouble((TrialEnd end) -> end.validation.accuracy())
                    .reversed())
            .thenComparingDouble(end -> end.validation.loss())
            .thenComparingInt(TrialEnd::trial);

    /** How a trial ended. */
    public enum Status {
        /** It did its steps. */
        DONE,
        /** A loss or a weight was no number any more; it would come to that again. */
        DIVERGED,
        /** Something else, such as a lack of memory. */
        FAILED
    }

    /** How well a network does on a set of examples; NaN where it did not come to that. */
    public record Figures(double accuracy, double loss) {
        static final Figures NONE = new Figures(Double.NaN, Double.NaN);

        static Figures of(Score score) {
            return new Figures(score.accuracy(), score.meanLoss());
        }
    }

    static TrialEnd wrong(int trial, long steps, Status status, String message, double seconds, LoadReport data) {
        return new TrialEnd(trial, steps, status, message, Figures.NONE, Figures.NONE, "", 0, seconds, data, null);
    }

    /** Whether nothing went wrong. */
    public boolean isDone() {
        return status == Status.DONE;
    }

    /** The same without its state. */
    TrialEnd withoutState() {
        return new TrialEnd(
                trial, steps, status, message, train, validation, weightsSha256, modelStep, seconds, data, null);
    }

    /** The figures as a JSON object, without the state. */
    ObjectNode json() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("trial", trial);
        json.put("steps", steps);
        json.put("status", status.name().toLowerCase(Locale.ROOT));
        if (isDone()) {
            json.put("validation_accuracy", validation.accuracy);
            json.put("validation_loss", validation.loss);
            json.put("train_accuracy", train.accuracy);
            json.put("train_loss", train.loss);
            json.put("weights_sha256", weightsSha256);
            json.put("model_step", modelStep);
        } else {
            json.put("message", message);
        }
        json.put("seconds", seconds);
        json.put("train_fingerprint", Shard.fingerprintText(data.trainFingerprint()));
        json.put("test_fingerprint", Shard.fingerprintText(data.testFingerprint()));
        return json;
    }

    /**
     * From what {@link #json} gave.
     *
     * @throws IllegalArgumentException if something is missing
     */
    static TrialEnd of(JsonNode json) {
        Status status = Status.valueOf(text(json, "status").toUpperCase(Locale.ROOT));
        boolean isDone = status == Status.DONE;
        return new TrialEnd(
                (int) number(json, "trial"),
                (long) number(json, "steps"),
                status,
                isDone ? "" : text(json, "message"),
                isDone ? new Figures(number(json, "train_accuracy"), number(json, "train_loss")) : Figures.NONE,
                isDone
                        ? new Figures(number(json, "validation_accuracy"), number(json, "validation_loss"))
                        : Figures.NONE,
                isDone ? text(json, "weights_sha256") : "",
                isDone ? (long) number(json, "model_step") : 0,
                number(json, "seconds"),
                new LoadReport(
                        Long.parseUnsignedLong(text(json, "train_fingerprint"), 16),
                        Long.parseUnsignedLong(text(json, "test_fingerprint"), 16),
                        0),
                null);
    }

    private static double number(JsonNode json, String name) {
        if (!json.path(name).isNumber()) {
            throw new IllegalArgumentException("expected a number as " + name);
        }
        return json.path(name).doubleValue();
    }

    private static String text(JsonNode json, String name) {
        if (!json.path(name).isTextual()) {
            throw new IllegalArgumentException("expected a text as " + name);
        }
        return json.path(name).textValue();
    }

    /** Kryo form. Kryo's own serializer cannot set the fields of a record. */
    static final class EndSerializer extends Serializer<TrialEnd> {
        @Override
        public void write(Kryo kryo, Output output, TrialEnd end) {
            output.writeInt(end.trial);
            output.writeLong(end.steps);
            output.writeString(end.status.name());
            output.writeString(end.message);
            write(output, end.train);
            write(output, end.validation);
            output.writeString(end.weightsSha256);
            output.writeLong(end.modelStep);
            output.writeDouble(end.seconds);
            kryo.writeObject(output, end.data);
            output.writeInt(end.state == null ? -1 : end.state.length);
            if (end.state != null) {
                output.writeBytes(end.state);
            }
        }

        private static void write(Output output, Figures figures) {
            output.writeDouble(figures.accuracy);
            output.writeDouble(figures.loss);
        }

        @Override
        public TrialEnd read(Kryo kryo, Input input, Class<TrialEnd> type) {
            return new TrialEnd(
                    input.readInt(),
                    input.readLong(),
                    Status.valueOf(input.readString()),
                    input.readString(),
                    figures(input),
                    figures(input),
                    input.readString(),
                    input.readLong(),
                    input.readDouble(),
                    kryo.readObject(input, LoadReport.class),
                    state(input));
        }

        private static Figures figures(Input input) {
            return new Figures(input.readDouble(), input.readDouble());
        }

        private static byte[] state(Input input) {
            int length = input.readInt();
            return length < 0 ? null : input.readBytes(length);
        }
    }
}
