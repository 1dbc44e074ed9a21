package dev.lockstep.train;

import dev.lockstep.BadInputException;
import dev.lockstep.data.Shard;
import dev.lockstep.files.Tensor;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.step.LoadReport;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/** Saves and restores the state of one run: weights, velocity, step, early stopping, and what they belong to. One thread. */
public final class RunCheckpoints {
    private static final String EVALUATED_STEP = "evaluated-step";
    private static final String EARLY_LOSS = "early-stopping.best-loss";
    private static final String EARLY_STEP = "early-stopping.best-step";
    private static final String EARLY_SINCE = "early-stopping.evaluations-since-best";

    private final CheckpointStore store;
    private final Map<String, String> identity = new TreeMap<>();
    private Optional<String> newest = Optional.empty();
    private long evaluatedStep;

    /**
     * @param directory of the checkpoints
     * @param data what the workers loaded
     */
    public RunCheckpoints(Configuration conf, Path directory, TrainingConfig config, LoadReport data) {
        this.store = new CheckpointStore(conf, directory, config.watching().keepCheckpoints());
        config.asMap().forEach((key, value) -> identity.put(Checkpoint.CONFIG_PREFIX + key, value));
        identity.put("data.train-fingerprint", Shard.fingerprintText(data.trainFingerprint()));
        identity.put("data.test-fingerprint", Shard.fingerprintText(data.testFingerprint()));
    }

    /** The newest checkpoint that this run saved or resumed from. */
    Optional<String> newest() {
        return newest;
    }

    /** The newest evaluation of the run, also before it was resumed: the steps done then; 0 for none. */
    long evaluatedStep() {
        return evaluatedStep;
    }

    /** Notes an evaluation, which the next checkpoint remembers. */
    void evaluated(long step) {
        evaluatedStep = step;
    }

    void save(long step, Parameters weights, Optimizer optimizer, Optional<EarlyStopping> earlyStopping)
            throws IOException {
        List<Tensor> tensors = new ArrayList<>(Checkpoint.tensorsOf(Checkpoint.WEIGHTS, weights));
        Map<String, String> texts = new TreeMap<>(identity);
        texts.put(Checkpoint.STEP, Long.toString(step));
        texts.put(EVALUATED_STEP, Long.toString(evaluatedStep));
        optimizer.velocity().ifPresent(v -> tensors.addAll(Checkpoint.tensorsOf(Checkpoint.VELOCITY, v)));
        earlyStopping.ifPresent(early -> {
            tensors.addAll(Checkpoint.tensorsOf(Checkpoint.BEST, early.best()));
            texts.put(EARLY_LOSS, Double.toString(early.bestLoss()));
            texts.put(EARLY_STEP, Long.toString(early.bestStep()));
            texts.put(EARLY_SINCE, Integer.toString(early.evaluationsSinceBest()));
        });
        newest = Optional.of(store.save(new Checkpoint(tensors, texts)).toString());
    }

    /** Restores from the newest whole checkpoint; returns the steps done, 0 if there is none. */
    long restore(
            Parameters weights, Optimizer optimizer, Optional<EarlyStopping> earlyStopping, TrainingListener listener)
            throws IOException {
        Optional<Checkpoint> found = store.newest(listener::warned);
        if (found.isEmpty()) {
            listener.warned("no checkpoint to resume from: starting at step 0");
            return 0;
        }
        Checkpoint checkpoint = found.get();
        requireSame(checkpoint);
        checkpoint.restore(Checkpoint.WEIGHTS, weights);
        optimizer.velocity().ifPresent(v -> checkpoint.restore(Checkpoint.VELOCITY, v));
        earlyStopping.ifPresent(early -> {
            checkpoint.restore(Checkpoint.BEST, early.best());
            early.restore(
                    Long.parseLong(checkpoint.text(EARLY_STEP)),
                    Double.parseDouble(checkpoint.text(EARLY_LOSS)),
                    Integer.parseInt(checkpoint.text(EARLY_SINCE)));
        });
        newest = Optional.of("step " + checkpoint.step());
        evaluatedStep = Long.parseLong(checkpoint.text(EVALUATED_STEP));
        return checkpoint.step();
    }

    private void requireSame(Checkpoint checkpoint) {
        for (Map.Entry<String, String> entry : identity.entrySet()) {
            String found = checkpoint.texts().get(entry.getKey());
            if (!entry.getValue().equals(found)) {
                throw new BadInputException("--resume: the checkpoint of step " + checkpoint.step() + " has "
                        + (found == null ? "no " + entry.getKey() : entry.getKey() + " " + found) + ", this run has "
                        + entry.getValue());
            }
        }
    }
}
