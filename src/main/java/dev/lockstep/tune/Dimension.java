package dev.lockstep.tune;

import dev.lockstep.kernel.CounterRandom;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.Locale;

/**
 * What one setting may be. A value is drawn as the text that stands on a command line, with few digits: the number that a trial
 * trains with is what is read from that text, so that whoever types it gets the same one. Immutable.
 *
 * @param key of the setting: an option of {@code train} without its dashes
 * @param kind how values are drawn
 * @param low smallest number, as it was written; null for a choice
 * @param high largest number, as it was written; null for a choice
 * @param isWhole whether the numbers are whole ones
 * @param choices of a choice, at least one; else empty
 */
public record Dimension(String key, Kind kind, String low, String high, boolean isWhole, List<String> choices) {
    /** Digits that are drawn, of the value and of the range's width alike. */
    private static final int DIGITS = 3;

    /** Numbers that are smaller or larger are written with an exponent of ten. */
    private static final int MIN_EXPONENT = -3;

    private static final int MAX_EXPONENT = 7;

    /** First of the streams of random numbers that the settings use; what training uses comes before. */
    private static final long STREAM = 1 << 10;

    /** How values are drawn. */
    public enum Kind {
        /** Every number between the bounds is as likely as any other. */
        UNIFORM,
        /** So are the logarithms of the numbers between the bounds. */
        LOG,
        /** One of a list. */
        CHOICE
    }

    /** The same for the same arguments, whatever else is drawn. */
    String draw(long seed, int trial) {
        long stream = STREAM;
        for (int i = 0; i < key.length(); i++) {
            stream = CounterRandom.mix(stream ^ key.charAt(i));
        }
        return at(new CounterRandom(seed, stream).unit(trial));
    }

    /** The value at this share, above 0 and below 1, of the way from low to high. */
    String at(double share) {
        if (kind == Kind.CHOICE) {
            return choices.get((int) (share * choices.size()));
        }
        double from = Double.parseDouble(low);
        double to = Double.parseDouble(high);
        double end = isWhole ? to + 1 : to; // the largest whole number is as likely as any other
        double value = kind == Kind.UNIFORM
                ? from + share * (end - from)
                : StrictMath.exp(StrictMath.log(from) + share * (StrictMath.log(end) - StrictMath.log(from)));
        BigDecimal rounded = isWhole ? new BigDecimal(Math.floor(value)) : rounded(value, to - from);
        double drawn = rounded.doubleValue();
        return drawn <= from ? low : drawn >= to ? high : text(rounded);
    }

    private BigDecimal rounded(double value, double width) {
        BigDecimal exact = new BigDecimal(value);
        int scale = DIGITS - 1 - exponent(new BigDecimal(width));
        if (kind == Kind.LOG && value > 0) {
            scale = Math.max(scale, DIGITS - 1 - exponent(exact));
        }
        return exact.setScale(scale, RoundingMode.HALF_EVEN);
    }

    /** Of ten, in the number's first digit. */
    private static int exponent(BigDecimal number) {
        return number.precision() - number.scale() - 1;
    }

    private static String text(BigDecimal number) {
        BigDecimal exact = number.stripTrailingZeros();
        int exponent = exponent(exact);
        if (exponent >= MIN_EXPONENT && exponent <= MAX_EXPONENT || exact.signum() == 0) {
            return exact.toPlainString();
        }
        return exact.scaleByPowerOfTen(-exponent).toPlainString() + "e" + exponent;
    }

    /** Values that show whether the whole dimension is of use: its bounds, or all choices. */
    public List<String> extremes() {
        return kind == Kind.CHOICE ? choices : List.of(low, high);
    }

    /** As it stands in a space file. */
    @Override
    public String toString() {
        return kind == Kind.CHOICE
                ? "choice " + String.join(" ", choices)
                : kind.name().toLowerCase(Locale.ROOT) + " " + low + " " + high;
    }
}
