package dev.lockstep.tune;

import dev.lockstep.data.LabelledImages;
import dev.lockstep.evaluate.EvaluationJob;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import dev.lockstep.step.SharedShards;
import dev.lockstep.train.RunDirectory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.SerializableConfiguration;

/**
 * Runs a search: rung after rung, the best of each go on. Trials are chosen by the examples that are held out for validation;
 * the test examples are looked at once, with the best model. What has ended is written down at once, so a search that was
 * killed goes on from there and comes to the same. One thread, but for {@link #requestStop}.
 */
public final class Tuner implements AutoCloseable {
    private static final double NANOS_PER_SECOND = 1e9;

    private final JavaSparkContext spark;
    private final Request request;
    private final TuneDirectory directory;
    private final TuneListener listener;
    private final Broadcast<SharedShards> shards;
    private final Broadcast<SerializableConfiguration> conf;
    private final RungJob job;

    /**
     * What is searched.
     *
     * @param trials numbered from 1, on the same data
     * @param provenance texts to keep with the best model, beside those of its training
     */
    public record Request(Space space, Halving halving, List<Trial> trials, Map<String, String> provenance) {}

    /**
     * Prepares a search.
     *
     * @param directory made already; what an earlier search left there is gone on with
     * @throws dev.lockstep.BadInputException if that was of other trials
     * @throws IOException if it cannot be read
     */
    public Tuner(
            JavaSparkContext spark,
            Configuration hadoop,
            Request request,
            RunDirectory directory,
            TuneListener listener)
            throws IOException {
        this.spark = spark;
        this.request = request;
        this.listener = listener;
        this.directory = new TuneDirectory(hadoop, directory);
        this.directory.read(request.trials);
        this.shards = SharedShards.broadcast(spark);
        this.conf = SerializableConfiguration.broadcast(spark.sc());
        this.job = new RungJob(spark, shards, conf);
    }

    /** Asks for the end. Any thread. */
    public void requestStop() {
        job.cancel();
    }

    /**
     * Searches, and leaves the best model in the directory.
     *
     * @throws TuneStoppedException after {@link #requestStop}, or when somebody cancelled Spark's job
     * @throws NoTrialLeftException if every trial of a rung went wrong
     * @throws dev.lockstep.BadInputException if the data are damaged, or not those of the search that is gone on with
     * @throws IOException if something cannot be written
     */
    public Search run() throws IOException {
        long began = System.nanoTime();
        try {
            List<List<TrialEnd>> rungs = rungs();
            Trial best = trial(rungs.get(rungs.size() - 1).get(0).trial());
            try (Parameters weights = new Parameters(best.plan().shape())) {
                TrialEnd end = weights(best, rungs.get(rungs.size() - 1).get(0), weights);
                Map<String, String> provenance = best.config().provenance(end.data(), end.modelStep());
                provenance.putAll(request.provenance);
                directory.writeBest(best, weights, provenance);
                Score test = EvaluationJob.run(
                                spark,
                                weights,
                                best.plan().activation(),
                                best.plan().loss(),
                                best.plan().kernel(),
                                (LabelledImages) best.plan().test())
                        .score();
                double seconds = (System.nanoTime() - began) / NANOS_PER_SECOND;
                return new Search(request.space, request.halving, request.trials, rungs, best, test, seconds);
            }
        } catch (RungJob.CancelledException e) {
            throw new TuneStoppedException(directory.count());
        }
    }

    /** Draws and writes the page and the summary of a search that has ended; returns where the page is. */
    public Path writePage(Search search) throws IOException {
        return directory.writePage(new TunePage(search).html());
    }

    /** Writes {@code summary.json} of a search that has ended. */
    public void writeSummary(Search search) throws IOException {
        directory.writeSummary(TuneSummary.json(search));
    }

    private List<List<TrialEnd>> rungs() throws IOException, RungJob.CancelledException {
        List<Halving.Rung> rungs = request.halving.rungs();
        List<List<TrialEnd>> all = new ArrayList<>();
        List<Trial> going = request.trials;
        for (int k = 0; k < rungs.size(); k++) {
            List<TrialEnd> ends = rung(k, rungs, going);
            all.add(ends);
            int places = k + 1 < rungs.size() ? rungs.get(k + 1).trials() : 1;
            going = ends.stream()
                    .filter(TrialEnd::isDone)
                    .limit(places)
                    .map(end -> trial(end.trial()))
                    .toList();
            if (going.isEmpty()) {
                throw new NoTrialLeftException(ends.get(0));
            }
            directory.keepStates(going);
        }
        return all;
    }

    /** The ends of a rung, the best first. */
    private List<TrialEnd> rung(int k, List<Halving.Rung> rungs, List<Trial> going)
            throws IOException, RungJob.CancelledException {
        Halving.Rung rung = rungs.get(k);
        List<TrialEnd> ends = new ArrayList<>();
        List<Trial> toDo = new ArrayList<>();
        for (Trial trial : going) {
            directory.known(trial, steps(rung, trial)).ifPresentOrElse(ends::add, () -> toDo.add(trial));
        }
        listener.rungBegins(k + 1, rungs.size(), List.copyOf(ends), List.copyOf(toDo));
        // Spark begins tasks in this order, and a long one that began last would be waited for alone.
        toDo.sort(Comparator.comparingDouble((Trial trial) -> cost(rung, trial)).reversed());
        compute("rung " + (k + 1) + " of " + rungs.size(), rung, toDo, ends);
        ends.sort(TrialEnd.BEST_FIRST);
        return List.copyOf(ends);
    }

    private static double cost(Halving.Rung rung, Trial trial) {
        return (double) trial.plan().batchSize() * trial.plan().shape().hidden() * steps(rung, trial);
    }

    private static long steps(Halving.Rung rung, Trial trial) {
        return rung.steps(trial.totalSteps());
    }

    private void compute(String what, Halving.Rung rung, List<Trial> trials, List<TrialEnd> ends)
            throws IOException, RungJob.CancelledException {
        if (trials.isEmpty()) {
            return;
        }
        Map<Integer, byte[]> states = new HashMap<>();
        for (Trial trial : trials) {
            directory.newestState(trial, steps(rung, trial)).ifPresent(state -> states.put(trial.number(), state));
        }
        int[] left = {trials.size()};
        job.run("Lockstep tune: " + what, trials, trial -> steps(rung, trial), states, end -> {
            Trial trial = trial(end.trial());
            directory.write(trial, end);
            ends.add(end.withoutState());
            left[0]--;
            listener.trialEnded(trial, end, left[0]);
        });
    }

    private Trial trial(int number) {
        return request.trials.get(number - 1);
    }

    /** Sets the weights of the best trial, which is trained again where a search that had ended is gone on with. */
    private TrialEnd weights(Trial best, TrialEnd end, Parameters weights)
            throws IOException, RungJob.CancelledException {
        if (directory.readWeights(best, end, weights)) {
            return end;
        }
        List<TrialEnd> again = new ArrayList<>();
        compute("the best once more", new Halving.Rung(1, 1), List.of(best), again);
        if (!directory.readWeights(best, again.get(0), weights)) {
            throw new IllegalStateException("trial " + best.number() + ": its weights are gone from the directory");
        }
        return again.get(0);
    }

    /** Takes the data away from the executors. */
    @Override
    public void close() {
        SharedShards.destroy(shards);
        conf.destroy();
    }
}
