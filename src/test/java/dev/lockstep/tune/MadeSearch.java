package dev.lockstep.tune;

import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Sampling;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.CounterRandom;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.net.Initializer;
import dev.lockstep.net.Score;
import dev.lockstep.optim.LearningRate;
import dev.lockstep.optim.UpdateRule;
import dev.lockstep.step.GradientMethod;
import dev.lockstep.step.LoadReport;
import dev.lockstep.train.TrainingConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** A search with figures that nobody computed, for those who look at its page. */
public final class MadeSearch {
    private static final Space SPACE = Space.parse(
            "here",
            "learning-rate = log 0.001 2\nmomentum = uniform 0 0.95\nhidden = log 20 400\nactivation = choice relu tanh sigmoid",
            key -> key.equals("hidden"));
    private static final Halving HALVING = new Halving(27, 3, 0.01);
    private static final LoadReport DATA = new LoadReport(1, 2, 0);
    private static final double GAIN = 0.02;

    private MadeSearch() {}

    /** Writes the page of 27 trials, of which one diverged; returns where it is. */
    public static Path page(Path file) throws IOException {
        return Files.writeString(file, new TunePage(search()).html());
    }

    static Search search() {
        List<Trial> trials = new ArrayList<>();
        TrainingConfig config = config();
        for (int number = 1; number <= HALVING.trials(); number++) {
            trials.add(new Trial(
                    number,
                    SPACE.draw(1, number),
                    config,
                    config.plan(images(60_000), images(10_000), KernelChoice.AUTO),
                    "submit/lockstep train --data=/a/long/way/to/the/data --learning-rate=0.1 " + "--word".repeat(60)));
        }
        List<List<TrialEnd>> rungs = new ArrayList<>();
        List<Integer> going = trials.stream().map(Trial::number).toList();
        CounterRandom random = new CounterRandom(1, 1);
        for (Halving.Rung rung : HALVING.rungs()) {
            List<TrialEnd> ends = new ArrayList<>();
            for (int number : going) {
                long steps = rung.steps(config.length().iterations());
                double accuracy = 0.7 + 0.2 * random.unit(number) + GAIN * rungs.size();
                ends.add(
                        number == 5
                                ? TrialEnd.wrong(number, steps, TrialEnd.Status.DIVERGED, "the loss is NaN", 1, DATA)
                                : new TrialEnd(
                                        number,
                                        steps,
                                        TrialEnd.Status.DONE,
                                        "",
                                        new TrialEnd.Figures(accuracy + 0.01, 0.3),
                                        new TrialEnd.Figures(accuracy, 0.4),
                                        "0123456789abcdef".repeat(4),
                                        steps,
                                        1.5,
                                        DATA,
                                        null));
            }
            ends.sort(TrialEnd.BEST_FIRST);
            rungs.add(ends);
            going = ends.stream()
                    .limit(ends.size() / HALVING.eta())
                    .map(TrialEnd::trial)
                    .toList();
        }
        Trial best = trials.get(rungs.get(rungs.size() - 1).get(0).trial() - 1);
        Score test = new Score(2);
        test.add(1, 1, 0.1);
        return new Search(SPACE, HALVING, trials, rungs, best, test, 12.3);
    }

    private static LabelledImages images(int examples) {
        return new LabelledImages("file:/data/images", true, "file:/data/labels", true, examples, 28, 28);
    }

    private static TrainingConfig config() {
        return new TrainingConfig(
                "data",
                1,
                new TrainingConfig.Network(50, 10, Activation.RELU, Loss.CROSS_ENTROPY, Initializer.HE, 0),
                new TrainingConfig.Batches(100, Sampling.EPOCH, 8, 0.1, GradientMethod.BACKPROP),
                new TrainingConfig.Updates(
                        UpdateRule.SGD, 0.1f, 0.9f, 0, LearningRate.Schedule.CONSTANT, 0, 1000, 0.5f),
                new TrainingConfig.Length(5000, OptionalLong.empty(), 0),
                new TrainingConfig.Watching(OptionalLong.empty(), 100, 0, 1, false));
    }
}
