package dev.lockstep.tune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Sampling;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.Initializer;
import dev.lockstep.optim.LearningRate;
import dev.lockstep.optim.UpdateRule;
import dev.lockstep.step.GradientMethod;
import dev.lockstep.step.SmallSet;
import dev.lockstep.train.RunDirectory;
import dev.lockstep.train.TrainingConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** A search that is stopped and gone on with, on one task at a time and on three, with states that are damaged. */
@ExtendWith(LeakCheck.class)
class TunerTest {
    private static final Space SPACE =
            Space.parse("here", "learning-rate = log 0.01 10\nhidden = uniform 2 9", key -> key.equals("hidden"));
    private static final Halving HALVING = new Halving(9, 3, 0.01);

    @TempDir
    Path directory;

    private SmallSet set;

    @BeforeEach
    void makeData() {
        set = SmallSet.in(directory, Storage.PLAIN);
    }

    private List<Trial> trials() {
        List<Trial> trials = new ArrayList<>();
        for (int number = 1; number <= HALVING.trials(); number++) {
            Map<String, String> settings = SPACE.draw(1, number);
            TrainingConfig config = new TrainingConfig(
                    directory.toString(),
                    1,
                    new TrainingConfig.Network(
                            Integer.parseInt(settings.get("hidden")),
                            SmallSet.CLASSES,
                            Activation.TANH,
                            Loss.CROSS_ENTROPY,
                            Initializer.XAVIER,
                            0),
                    new TrainingConfig.Batches(16, Sampling.EPOCH, 4, 0.2, GradientMethod.BACKPROP),
                    new TrainingConfig.Updates(
                            UpdateRule.NESTEROV,
                            Float.parseFloat(settings.get("learning-rate")),
                            0.9f,
                            1e-4f,
                            LearningRate.Schedule.COSINE,
                            3,
                            10,
                            0.5f),
                    new TrainingConfig.Length(27, OptionalLong.empty(), 4),
                    new TrainingConfig.Watching(OptionalLong.of(2), 1, 0, 1, false));
            trials.add(new Trial(
                    number,
                    settings,
                    config,
                    config.plan(set.open(LabelledImages.TRAIN), set.open(LabelledImages.TEST), KernelChoice.AUTO),
                    "train " + settings));
        }
        return trials;
    }

    private static SparkConf spark(String master) {
        SparkConf conf = SmallSet.spark(master);
        return conf.set(
                "spark.kryo.registrator",
                conf.get("spark.kryo.registrator") + "," + TuneKryoRegistrator.class.getName());
    }

    /** Asks for a stop when so many trials have ended in this process. */
    private static final class Stopper implements TuneListener {
        private final int after;
        private int ended;
        private int known;
        private Tuner tuner;

        Stopper(int after) {
            this.after = after;
        }

        @Override
        public void rungBegins(int rung, int rungs, List<TrialEnd> before, List<Trial> trials) {
            known += before.size();
        }

        @Override
        public void trialEnded(Trial trial, TrialEnd end, int left) {
            ended++;
            if (ended == after) {
                tuner.requestStop();
            }
        }
    }

    private Search search(JavaSparkContext spark, Path out, Stopper stopper) throws IOException {
        RunDirectory run = RunDirectory.at(SmallSet.conf(), out.toString(), true);
        run.create(true);
        Tuner.Request request = new Tuner.Request(SPACE, HALVING, trials(), Map.of());
        try (Tuner tuner = new Tuner(spark, SmallSet.conf(), request, run, stopper)) {
            stopper.tuner = tuner;
            return tuner.run();
        }
    }

    /** All that an end says but for the time that it took. */
    private static List<String> figures(Search search) {
        return search.ends().stream()
                .map(end -> end.json().without("seconds").toString())
                .toList();
    }

    @Test
    void stoppedAtAnyPointItComesToTheSame() throws IOException {
        List<String> expected;
        String weights;
        try (JavaSparkContext spark = new JavaSparkContext(spark("local[1]"))) {
            Search undisturbed = search(spark, directory.resolve("undisturbed"), new Stopper(0));
            expected = figures(undisturbed);
            weights = undisturbed.bestEnd().weightsSha256();
            assertThat(undisturbed.rungs()).extracting(List::size).containsExactly(9, 3, 1);
            assertThat(undisturbed.rungs().get(2).get(0).trial())
                    .isEqualTo(undisturbed.rungs().get(1).get(0).trial());
        }
        try (JavaSparkContext spark = new JavaSparkContext(spark("local[3]"))) {
            for (int stop : new int[] {1, 10, 12}) {
                Path out = directory.resolve("stopped-" + stop);
                assertThatThrownBy(() -> search(spark, out, new Stopper(stop)))
                        .isInstanceOf(TuneStoppedException.class)
                        .hasMessageContaining("are kept");
                int lines = Files.readAllLines(out.resolve("trials.jsonl")).size();
                assertThat(lines).isGreaterThanOrEqualTo(stop);
                if (stop == 10) {
                    damageOneState(out);
                }
                Stopper resumed = new Stopper(0);
                assertThat(figures(search(spark, out, resumed)))
                        .as("stopped after " + stop)
                        .isEqualTo(expected);
                assertThat(resumed.known).isEqualTo(lines);
                assertThat(resumed.ended).isEqualTo(13 - lines);
                assertThat(out.resolve("best/model.safetensors"))
                        .hasSameBinaryContentAs(directory.resolve("undisturbed/best/model.safetensors"));
            }
        }
        assertThat(weights).hasSize(64);
    }

    /** Its trial begins anew, and comes to the same. */
    private static void damageOneState(Path out) throws IOException {
        try (Stream<Path> files = Files.list(out.resolve("states"))) {
            Path state = files.filter(file -> file.toString().endsWith(".safetensors"))
                    .sorted()
                    .findFirst()
                    .orElseThrow();
            byte[] bytes = Files.readAllBytes(state);
            bytes[bytes.length - 3] ^= 4;
            Files.write(state, bytes);
        }
    }
}
