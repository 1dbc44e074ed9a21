package dev.lockstep.cli;

import dev.lockstep.BadInputException;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.step.StepPlan;
import dev.lockstep.train.TrainingConfig;
import dev.lockstep.tune.Trial;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The {@code train} command of each trial. What a trial trains is what the very parser of {@code train} reads from it. */
final class TrialCommands {
    private static final String PLAIN = "[A-Za-z0-9_./:,=+@%-]+";

    private final List<String> options;
    private final LabelledImages train;
    private final LabelledImages test;
    private final KernelChoice kernel;

    /**
     * @param options that all trials have, as {@code --name=value}
     * @param train the training examples, validation included
     * @param test the test examples
     * @param kernel what is computed with, which is not part of a command since it changes no bit
     */
    TrialCommands(List<String> options, LabelledImages train, LabelledImages test, KernelChoice kernel) {
        this.options = options;
        this.train = train;
        this.test = test;
        this.kernel = kernel;
    }

    /**
     * A trial.
     *
     * @throws BadInputException if its command would be refused, or holds nothing out or does nothing
     */
    Trial trial(int number, Map<String, String> settings) {
        List<String> all = new ArrayList<>(options);
        settings.forEach((key, value) -> all.add("--" + key + "=" + value));
        TrainingConfig config = Main.trainingConfig(all);
        return new Trial(number, settings, config, plan(config), command(all));
    }

    /**
     * Looks whether a command with one more option would be taken.
     *
     * @throws BadInputException if not
     */
    void tryOut(String option) {
        List<String> all = new ArrayList<>(options);
        all.add(option);
        plan(Main.trainingConfig(all));
    }

    private StepPlan plan(TrainingConfig config) {
        StepPlan plan = config.plan(train, test, kernel);
        Checks.size(plan.shape());
        if (plan.holdout().validation() == 0) {
            throw new BadInputException(
                    "--validation-fraction: expected more than 0, found 0: trials are compared on the"
                            + " examples that are held out");
        }
        if (config.totalSteps(plan) == 0) {
            throw new BadInputException("--iterations, --epochs: expected at least one step, found none");
        }
        return plan;
    }

    private static String command(List<String> options) {
        return options.stream()
                .map(TrialCommands::quoted)
                .collect(Collectors.joining(" ", "submit/lockstep train ", ""));
    }

    /** As a shell takes it. */
    private static String quoted(String word) {
        return word.matches(PLAIN) ? word : "'" + word.replace("'", "'\\''") + "'";
    }
}
