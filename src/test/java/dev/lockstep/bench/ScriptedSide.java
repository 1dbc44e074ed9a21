package dev.lockstep.bench;

import java.util.List;
import java.util.Map;

/** A side with figures made up beforehand, which writes down when it has its turn. */
final class ScriptedSide implements Side {
    private final String name;
    private final List<String> turns;
    private final double[] values;
    private int next;

    /**
     * @param turns receives the name at every turn
     * @param values of the figure {@link Side#STEP_MILLIS}, one a turn
     */
    ScriptedSide(String name, List<String> turns, double... values) {
        this.name = name;
        this.turns = turns;
        this.values = values;
    }

    @Override
    public Map<String, Double> run() {
        turns.add(name);
        return Map.of(STEP_MILLIS, values[next++]);
    }
}
