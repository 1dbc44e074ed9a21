package dev.lockstep.page;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Locale;

/** Numbers as people read them, on pages and in lines of text. */
public final class Figures {
    /** Of shares and losses. */
    public static final String SHARE = "%.4f";

    /** Of milliseconds. */
    public static final String MILLIS = "%.3f";
    /** Of seconds. */
    public static final String SECONDS = "%.1f";

    /** Below it, four decimals are less than three digits. */
    private static final double SMALL = 0.001;

    static final String UNKNOWN = "unknown";

    private Figures() {}

    /** A loss or a share: four decimals, or three significant digits where those would say little or nothing. */
    public static String rounded(double value) {
        boolean isSmall = value != 0 && Math.abs(value) < SMALL;
        return String.format(Locale.ROOT, isSmall ? "%.3g" : SHARE, value);
    }

    /** By a format of this class; what is not finite is unknown. */
    public static String format(String format, double value) {
        if (!Double.isFinite(value)) {
            return UNKNOWN;
        }
        return format.equals(SHARE) ? rounded(value) : String.format(Locale.ROOT, format, value);
    }

    /** A whole number, in groups of three digits. */
    public static String count(long value) {
        return String.format(Locale.ROOT, "%,d", value);
    }

    /** All of its digits, and no more zeros than needed. */
    static String exact(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e15
                ? Long.toString((long) value)
                : Double.toString(value);
    }

    /** A number of a summary; NaN if it has none of this name. */
    public static double number(JsonNode summary, String name) {
        JsonNode node = summary.path(name);
        return node.isNumber() ? node.doubleValue() : Double.NaN;
    }

    /** A text or number of a summary for people. */
    public static String text(JsonNode summary, String name) {
        JsonNode node = summary.path(name);
        return node.isValueNode() && !node.isNull() ? node.asText() : UNKNOWN;
    }
}
