package dev.lockstep.bench;

import java.util.List;

/**
 * What came of a row.
 *
 * @param ours our figures, maybe none
 * @param theirs the peer's figures, maybe none
 * @param reason why a row was not measured or failed; else nothing
 * @param details what belongs to the row beside its figures, lines for people
 * @param profile where the time goes, lines for people; for rows that are missed
 */
record Result(Row row, Samples ours, Samples theirs, String reason, boolean failed, List<String> details, List<String> profile) {
    /** How a row did. */
    enum Verdict {
        REACHED("reached"),
        MISSED("MISSED"),
        /** Nothing must be reached. */
        NOTHING_ASKED("-"),
        NOT_MEASURED("NOT MEASURED"),
        FAILED("FAILED");

        private final String text;

        Verdict(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /** The value that is judged; NaN if it could not be measured. */
    double value() {
        return row.value(ours.median(), theirs.median());
    }

    Verdict verdict() {
        if (failed) {
            return Verdict.FAILED;
        }
        if (Double.isNaN(value())) {
            return Verdict.NOT_MEASURED;
        }
        if (Double.isNaN(row.must())) {
            return Verdict.NOTHING_ASKED;
        }
        return row.reaches(value(), row.must()) ? Verdict.REACHED : Verdict.MISSED;
    }

    Result withProfile(List<String> lines) {
        return new Result(row, ours, theirs, reason, failed, details, lines);
    }
}
