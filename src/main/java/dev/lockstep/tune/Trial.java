package dev.lockstep.tune;

import dev.lockstep.step.StepPlan;
import dev.lockstep.train.TrainingConfig;
import java.io.Serializable;
import java.util.Map;

/**
 * One training of the search.
 *
 * @param number from 1
 * @param settings what was drawn for it, by key
 * @param config of the whole training; it holds out examples for validation
 * @param plan of its steps, on the same files, classes and shards as those of all others
 * @param command that does the same
 */
public record Trial(int number, Map<String, String> settings, TrainingConfig config, StepPlan plan, String command)
        implements Serializable {
    /** Steps of the whole training. */
    public long totalSteps() {
        return config.totalSteps(plan);
    }

    /** The command that trains for so many steps, as the trial does. */
    public String command(long steps) {
        return steps < totalSteps() ? command + " --stop-after=" + steps : command;
    }
}
