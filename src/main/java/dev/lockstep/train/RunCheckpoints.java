package dev.lockstep.train;

import dev.lockstep.BadInputException;
import dev.lockstep.data.Shard;
import dev.lockstep.files.Tensor;
import dev.lockstep.files.TensorFileFault;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.step.LoadReport;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/** Saves and restores the state of one run: weights, velocity, step, early stopping, and what they belong to. One thread. */
public final class RunCheckpoints {
    private static final String EVALUATED_STEP = "evaluated-step";
    private static final String EARLY_LOSS = "early-stopping.best-loss";
    private static final String EARLY_STEP = "early-stopping.best-step";
    private static final String EARLY_SINCE = "early-stopping.evaluations-since-best";

    private final Checkpoints store;
    private final boolean required;
    private final Map<String, String> identity = new TreeMap<>();
    private Optional<String> newest = Optional.empty();
    private long evaluatedStep;
    private long written;
    private long failed;
    private long failedInARow;

    /**
     * @param directory of the checkpoints
     * @param data what the workers loaded
     */
    public RunCheckpoints(Configuration conf, Path directory, TrainingConfig config, LoadReport data) {
        this(new CheckpointStore(conf, directory, config.watching().keepCheckpoints()), config, data);
    }

    /**
     * In memory.
     *
     * @param memory with the checkpoint to go on from, if there is one; receives the newest
     * @param data what the workers loaded
     */
    public RunCheckpoints(CheckpointBytes memory, TrainingConfig config, LoadReport data) {
        this((Checkpoints) memory, config, data);
    }

    private RunCheckpoints(Checkpoints store, TrainingConfig config, LoadReport data) {
        this.store = store;
        this.required = config.watching().checkpointRequired();
        config.asMap().forEach((key, value) -> identity.put(Checkpoint.CONFIG_PREFIX + key, value));
        identity.put("data.train-fingerprint", Shard.fingerprintText(data.trainFingerprint()));
        identity.put("data.test-fingerprint", Shard.fingerprintText(data.testFingerprint()));
    }

    /** The newest checkpoint that this run saved or resumed from. */
    Optional<String> newest() {
        return newest;
    }

    /** Checkpoints that this process wrote. */
    public long written() {
        return written;
    }

    /** Checkpoints that this process could not write. */
    public long failed() {
        return failed;
    }

    /** The newest evaluation of the run, also before it was resumed: the steps done then; 0 for none. */
    long evaluatedStep() {
        return evaluatedStep;
    }

    /** Notes an evaluation, which the next checkpoint remembers. */
    void evaluated(long step) {
        evaluatedStep = step;
    }

    /**
     * Saves the state after a step. When that cannot be done the newest checkpoint stays what it was, and the run is
     * warned and goes on, unless checkpoints are required.
     *
     * @param warn hears of failures: of a row of them the first, the second, the fourth and so on, for a full disk
     *     stays full
     * @throws IOException if it cannot be written and is required
     */
    void save(
            long step,
            Parameters weights,
            Optimizer optimizer,
            Optional<EarlyStopping> earlyStopping,
            Consumer<String> warn)
            throws IOException {
        Checkpoint checkpoint = checkpoint(step, weights, optimizer, earlyStopping);
        try {
            newest = Optional.of(store.save(checkpoint, warn));
            written++;
            failedInARow = 0;
        } catch (BadInputException e) {
            // Where it was right before and is not now, a person has mistyped nothing: what is beneath it counts.
            failed(step, BadInputException.reason(e), e.getCause(), warn);
        } catch (IOException e) {
            failed(step, BadInputException.reason(e), e, warn);
        }
    }

    private void failed(long step, String reason, Throwable cause, Consumer<String> warn) throws IOException {
        failed++;
        failedInARow++;
        String what = "no checkpoint of step " + step + ", the newest is " + newest.orElse("none") + ": " + reason;
        if (required) {
            throw new IOException(what + " (--checkpoint-required)", cause);
        }
        if (Long.bitCount(failedInARow) == 1) {
            warn.accept(what + "; " + failedInARow + " in a row failed, the run goes on");
        }
    }

    private Checkpoint checkpoint(
            long step, Parameters weights, Optimizer optimizer, Optional<EarlyStopping> earlyStopping) {
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
        return new Checkpoint(tensors, texts);
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
            early.restore(checkpoint.count(EARLY_STEP), checkpoint.real(EARLY_LOSS), (int)
                    Math.min(checkpoint.count(EARLY_SINCE), Integer.MAX_VALUE));
        });
        newest = Optional.of("step " + checkpoint.step());
        evaluatedStep = checkpoint.count(EVALUATED_STEP);
        return checkpoint.step();
    }

    private void requireSame(Checkpoint checkpoint) {
        for (Map.Entry<String, String> entry : identity.entrySet()) {
            String found = checkpoint.texts().get(entry.getKey());
            if (!entry.getValue().equals(found)) {
                throw new BadInputException("--resume: the checkpoint of step " + checkpoint.step() + " has "
                        + (found == null ? "no " + entry.getKey() : entry.getKey() + " " + TensorFileFault.plain(found))
                        + ", this run has "
                        + entry.getValue());
            }
        }
    }
}
