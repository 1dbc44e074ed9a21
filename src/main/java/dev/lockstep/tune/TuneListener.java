package dev.lockstep.tune;

import java.util.List;

/** Hears how a search goes. Called by the searching thread. */
public interface TuneListener {
    /**
     * A rung begins.
     *
     * @param rung from 1
     * @param rungs in all
     * @param known ends of trials of this rung that an earlier run left
     * @param trials that are to train
     */
    default void rungBegins(int rung, int rungs, List<TrialEnd> known, List<Trial> trials) {}

    /**
     * A trial has ended its rung, and that is written down.
     *
     * @param left trials of the rung that have not
     */
    default void trialEnded(Trial trial, TrialEnd end, int left) {}
}
