package dev.lockstep.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Several sides doing the same work in turn, round by round, so that whatever else the machine does meets them alike. A side
 * that is absent or fails is left out from then on; the others go on.
 */
final class Rounds {
    /** Why a side is left out. */
    record Problem(String message, boolean failed) {}

    private final Map<String, List<Map<String, Double>>> figures = new LinkedHashMap<>();
    private final Map<String, Problem> problems = new HashMap<>();

    private Rounds() {}

    /**
     * Runs them.
     *
     * @param sides by name, in the order of their turns
     * @param repeat number of rounds
     * @param log told of every run
     */
    static Rounds run(String work, Map<String, Side> sides, int repeat, Consumer<String> log) {
        Rounds rounds = new Rounds();
        sides.keySet().forEach(name -> rounds.figures.put(name, new ArrayList<>()));
        for (int round = 1; round <= repeat; round++) {
            for (Map.Entry<String, Side> side : sides.entrySet()) {
                if (!rounds.problems.containsKey(side.getKey())) {
                    String what = String.format(Locale.ROOT, "%s, round %d of %d, %s", work, round, repeat, side.getKey());
                    rounds.run(what, side.getKey(), side.getValue(), log);
                }
            }
        }
        return rounds;
    }

    private void run(String what, String name, Side side, Consumer<String> log) {
        try {
            Map<String, Double> found = side.run();
            figures.get(name).add(Map.copyOf(found));
            log.accept(what + ": " + describe(found));
        } catch (AbsentException e) {
            problems.put(name, new Problem(e.getMessage(), false));
            log.accept(what + ": NOT MEASURED: " + e.getMessage());
        } catch (RunFailedException | IOException e) {
            problems.put(name, new Problem(e.getMessage(), true));
            log.accept(what + ": FAILED: " + e.getMessage());
        }
    }

    private static String describe(Map<String, Double> figures) {
        List<String> texts = new ArrayList<>();
        new TreeMap<>(figures).forEach((name, value) -> texts.add(name + " " + Row.number(value)));
        return String.join(", ", texts);
    }

    /** A figure of every round that a side did and that has it. */
    Samples samples(String side, String figure) {
        List<Double> values = new ArrayList<>();
        for (Map<String, Double> round : figures.getOrDefault(side, List.of())) {
            if (round.containsKey(figure)) {
                values.add(round.get(figure));
            }
        }
        return new Samples(side, values);
    }

    /** All that was measured: for each side, for each round, figures by name. */
    Map<String, List<Map<String, Double>>> figures() {
        return figures;
    }

    /** Why a side was left out; null if it was not. */
    Problem problem(String side) {
        return problems.get(side);
    }
}
