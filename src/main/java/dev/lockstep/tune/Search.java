package dev.lockstep.tune;

import dev.lockstep.net.Score;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A search that has come to its end.
 *
 * @param space what was searched
 * @param halving how trials were given steps
 * @param trials all of them
 * @param rungs the ends of each rung, the best first
 * @param best the trial that did best in the last rung
 * @param test how its model does on the test examples, which had no say in the choice
 * @param seconds that it took in this process
 */
public record Search(
        Space space,
        Halving halving,
        List<Trial> trials,
        List<List<TrialEnd>> rungs,
        Trial best,
        Score test,
        double seconds) {
    /**
     * The last end of each trial with the number of its rung, from 0: those of the last rung first, and within a rung the best
     * first, since only who has done the same share of his steps can be compared.
     */
    public Map<TrialEnd, Integer> lastEnds() {
        Map<Integer, Integer> rungOf = new HashMap<>();
        for (int k = 0; k < rungs.size(); k++) {
            for (TrialEnd end : rungs.get(k)) {
                rungOf.put(end.trial(), k);
            }
        }
        Map<TrialEnd, Integer> last = new LinkedHashMap<>();
        for (int k = rungs.size() - 1; k >= 0; k--) {
            int rung = k;
            rungs.get(k).stream()
                    .filter(end -> rungOf.get(end.trial()) == rung)
                    .sorted(TrialEnd.BEST_FIRST)
                    .forEach(end -> last.put(end, rung));
        }
        return last;
    }

    /** The end of the best trial. */
    public TrialEnd bestEnd() {
        return rungs.get(rungs.size() - 1).get(0);
    }

    /** A trial by its number. */
    public Trial trial(int number) {
        return trials.get(number - 1);
    }

    /** Trials that came to no figures. */
    public long failures() {
        return lastEnds().keySet().stream().filter(end -> !end.isDone()).count();
    }

    /** All ends, by trial and then by steps. */
    List<TrialEnd> ends() {
        return rungs.stream()
                .flatMap(List::stream)
                .sorted(Comparator.comparingInt(TrialEnd::trial).thenComparingLong(TrialEnd::steps))
                .toList();
    }
}
