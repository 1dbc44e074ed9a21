package dev.lockstep.tune;

import dev.lockstep.BadInputException;
import dev.lockstep.files.TensorFileFault;
import java.io.IOException;
import java.io.StringReader;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/**
 * The settings that are searched. A file of properties: each key is an option of {@code train} without its dashes, each value
 * says what the option may be:
 *
 * <pre>
 *   learning-rate = log 0.001 1            between the bounds, each order of magnitude as likely as any other
 *   momentum      = uniform 0 0.95         between the bounds, each number as likely as any other
 *   hidden        = log 20 500             whole numbers, where the option takes nothing else
 *   batch-size    = choice 20 50 100       one of these
 * </pre>
 *
 * Immutable.
 *
 * @param dimensions in the order of the file, at least one
 */
public record Space(List<Dimension> dimensions) {
    private static final String FORMS = "log LOW HIGH, uniform LOW HIGH or choice A B C";

    /** What there is to say of the keys that may be searched. */
    @FunctionalInterface
    public interface Keys {
        /**
         * Whether an option takes whole numbers only.
         *
         * @throws BadInputException if it is none that can be searched; the message says why
         */
        boolean isWhole(String key);
    }

    /** Keys and values in the order in which they stand in the file, each key once. */
    private static final class Lines extends Properties {
        private static final long serialVersionUID = 1L;
        private final transient Map<String, String> inOrder = new LinkedHashMap<>();
        private transient String twice;

        @Override
        public synchronized Object put(Object key, Object value) {
            if (inOrder.put((String) key, (String) value) != null) {
                twice = (String) key;
            }
            return null;
        }

        @Override
        public boolean equals(Object other) {
            return this == other;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(this);
        }
    }

    /**
     * Reads a space.
     *
     * @param name of the file, for messages
     * @param text its content
     * @throws BadInputException if it is malformed, empty, or has a key that cannot be searched
     */
    public static Space parse(String name, String text, Keys keys) {
        Lines lines = new Lines();
        try {
            lines.load(new StringReader(text));
        } catch (IOException | IllegalArgumentException e) {
            throw new BadInputException(name + ": expected a file of properties: " + e.getMessage(), e);
        }
        if (lines.twice != null) {
            throw new BadInputException(
                    name + ": " + shown(lines.twice) + ": expected one line with this key, found two");
        }
        if (lines.inOrder.isEmpty()) {
            throw new BadInputException(name + ": expected a setting, as in learning-rate = log 0.001 1, found none");
        }
        List<Dimension> dimensions = new ArrayList<>();
        lines.inOrder.forEach((key, value) -> {
            try {
                dimensions.add(dimension(key, value, keys.isWhole(key)));
            } catch (BadInputException e) {
                throw new BadInputException(name + ": " + shown(key) + ": " + e.getMessage(), e);
            }
        });
        return new Space(List.copyOf(dimensions));
    }

    private static Dimension dimension(String key, String value, boolean isWhole) {
        List<String> words = List.of(value.strip().split("[\\s,]+"));
        List<String> arguments = words.subList(1, words.size());
        return switch (words.get(0)) {
            case "log" -> range(key, Dimension.Kind.LOG, arguments, isWhole, value);
            case "uniform" -> range(key, Dimension.Kind.UNIFORM, arguments, isWhole, value);
            case "choice" -> {
                if (arguments.isEmpty() || new HashSet<>(arguments).size() < arguments.size()) {
                    throw new BadInputException("expected choice with different values, found " + shown(value));
                }
                yield new Dimension(key, Dimension.Kind.CHOICE, null, null, isWhole, arguments);
            }
            default -> throw new BadInputException("expected " + FORMS + ", found " + shown(value));
        };
    }

    private static Dimension range(
            String key, Dimension.Kind kind, List<String> bounds, boolean isWhole, String value) {
        if (bounds.size() != 2) {
            throw new BadInputException("expected " + FORMS + ", found " + shown(value));
        }
        double low = number(bounds.get(0), isWhole);
        double high = number(bounds.get(1), isWhole);
        if (!(low < high)) {
            throw new BadInputException("expected a low bound below the high one, found " + shown(value));
        }
        if (kind == Dimension.Kind.LOG && low <= 0) {
            throw new BadInputException("expected log with bounds above 0, found " + shown(value)
                    + "; what may be 0 as well is uniform, or a choice");
        }
        return new Dimension(key, kind, bounds.get(0), bounds.get(1), isWhole, List.of());
    }

    private static double number(String text, boolean isWhole) {
        try {
            double number = Double.parseDouble(text);
            boolean isExact = !isWhole || (text.matches("-?\\d{1,15}") && new BigDecimal(text).longValue() == number);
            if (Double.isFinite(number) && isExact) {
                return number;
            }
        } catch (NumberFormatException e) {
            // The message below says all that this one does.
        }
        throw new BadInputException(
                "expected a " + (isWhole ? "whole " : "") + "number as bound, found " + shown(text));
    }

    /** What a stranger may have written. */
    private static String shown(String text) {
        return TensorFileFault.plain(text);
    }

    /**
     * The settings of a trial: a function of the arguments and the space alone. What is drawn for one key does not depend on
     * which others there are.
     *
     * @param trial number of the trial, from 1
     */
    public Map<String, String> draw(long seed, int trial) {
        Map<String, String> settings = new LinkedHashMap<>();
        for (Dimension dimension : dimensions) {
            settings.put(dimension.key(), dimension.draw(seed, trial));
        }
        return settings;
    }
}
