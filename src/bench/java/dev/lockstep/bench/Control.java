package dev.lockstep.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Twice the work must take about twice the time: else something is measured that is not the work, as when a compiler has
 * seen that nobody needs the result.
 *
 * @param name for messages
 * @param figure the time, see {@link Side}
 * @param once who does the work, by name
 * @param twice who does twice the work, by the same names
 * @param bounds of the growth
 */
record Control(String name, String figure, Map<String, Side> once, Map<String, Side> twice, Bounds bounds) {
    /**
     * How many times the time twice the work takes.
     *
     * @param least at least
     * @param most at most: caches may be too small for twice the data
     */
    record Bounds(double least, double most) {
        /** Of real runs. */
        static final Bounds REAL = new Bounds(1.5, 3);
        /** Of quick runs, which are not warm and measure once, while a machine may become twice as fast or slow in between. */
        static final Bounds QUICK = new Bounds(0.5, 10);

        boolean hold(double ratio) {
            return ratio >= least && ratio <= most;
        }
    }

    private static final String AGAIN = ", twice the work";

    /**
     * How the time of one side grows.
     *
     * @param reason why it was not measured, or nothing
     */
    record Growth(String control, Samples once, Samples twice, Bounds bounds, String reason, boolean failed) {
        double ratio() {
            return twice.median() / once.median();
        }

        /** Whether it has been measured, and is not what it must be. */
        boolean isWrong() {
            return failed || (reason.isEmpty() && !bounds.hold(ratio()));
        }

        @Override
        public String toString() {
            String head = control + ", " + once.side() + ": ";
            if (!reason.isEmpty()) {
                return head + (failed ? "FAILED: " : "NOT MEASURED: ") + reason;
            }
            return head
                    + String.format(
                            Locale.ROOT,
                            "twice the work takes %s times the time, expected %s to %s: %s",
                            Row.number(ratio()),
                            Row.number(bounds.least()),
                            Row.number(bounds.most()),
                            isWrong() ? "FAILED" : "grows");
        }
    }

    /**
     * Measures it.
     *
     * @param repeat number of rounds
     * @param log told of every run
     */
    List<Growth> measure(int repeat, Consumer<String> log) {
        Map<String, Side> sides = new LinkedHashMap<>();
        once.forEach((side, work) -> {
            sides.put(side, work);
            sides.put(side + AGAIN, twice.get(side));
        });
        Rounds rounds = Rounds.run(name, sides, repeat, log);
        List<Growth> growths = new ArrayList<>();
        for (String side : once.keySet()) {
            Rounds.Problem problem = rounds.problem(side) == null ? rounds.problem(side + AGAIN) : rounds.problem(side);
            growths.add(new Growth(
                    name,
                    rounds.samples(side, figure),
                    rounds.samples(side + AGAIN, figure),
                    bounds,
                    problem == null ? "" : problem.message(),
                    problem != null && problem.failed()));
        }
        return growths;
    }
}
