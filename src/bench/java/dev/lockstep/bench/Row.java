package dev.lockstep.bench;

import java.util.Locale;

/**
 * A line of the table: which figures are compared, and what is to come of it.
 *
 * @param key its name on the command line
 * @param work what is done by both
 * @param figure name of the figure that is compared, see {@link Side}
 * @param unit of that figure
 * @param peer who it is compared with
 * @param kind what is made of our figure and the peer's
 * @param must what must be reached, on any JDK; NaN if nothing is asked
 * @param aim what is aimed at on JDK 25; NaN if nothing is
 */
record Row(String key, String work, String figure, String unit, String peer, Kind kind, double must, double aim) {
    /** How our figure and the peer's make the value that is judged. */
    enum Kind {
        /** Of times, where less is better: the peer's over ours, at least so much. */
        PEER_OVER_OURS,
        /** Of rates, where more is better: ours over the peer's, at least so much. */
        OURS_OVER_PEER,
        /** Ours alone, at least so much. The peer's is for information. */
        OURS_AT_LEAST,
        /** Ours alone, at most so much. The peer's is for information. */
        OURS_AT_MOST;

        boolean isRatio() {
            return this == PEER_OVER_OURS || this == OURS_OVER_PEER;
        }
    }

    /** The value that is judged; NaN if it needs a peer's figure and there is none. */
    double value(double ours, double theirs) {
        return switch (kind) {
            case PEER_OVER_OURS -> theirs / ours;
            case OURS_OVER_PEER -> ours / theirs;
            case OURS_AT_LEAST, OURS_AT_MOST -> ours;
        };
    }

    /** Whether a value is as good as a bound. */
    boolean reaches(double value, double bound) {
        return kind == Kind.OURS_AT_MOST ? value <= bound : value >= bound;
    }

    /** What is made of the two figures, for people. */
    String comparison() {
        return switch (kind) {
            case PEER_OVER_OURS -> peer + " / ours";
            case OURS_OVER_PEER -> "ours / " + peer;
            case OURS_AT_LEAST, OURS_AT_MOST -> "ours";
        };
    }

    /** A bound for people; nothing for NaN. */
    String bound(double bound) {
        if (Double.isNaN(bound)) {
            return "";
        }
        return (kind == Kind.OURS_AT_MOST ? "<= " : ">= ") + number(bound);
    }

    /** Three digits that say something, or all of a large number. */
    static String number(double value) {
        if (Double.isNaN(value)) {
            return "";
        }
        double size = Math.abs(value);
        if (size >= 1_000) {
            return String.format(Locale.ROOT, "%,.0f", value);
        }
        String digits = String.format(Locale.ROOT, size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : size >= 1 ? "%.2f" : "%.3f", value);
        return digits.contains(".") ? digits.replaceFirst("\\.?0+$", "") : digits;
    }
}
