package dev.lockstep.ml;

import dev.lockstep.BadInputException;
import dev.lockstep.data.StagedRows;
import dev.lockstep.model.ModelFile;
import dev.lockstep.net.HeapNet;
import dev.lockstep.net.Parameters;
import dev.lockstep.step.GradientSource;
import dev.lockstep.step.LockstepGradientSource;
import dev.lockstep.step.StageEndedException;
import dev.lockstep.step.StepPlan;
import dev.lockstep.train.Trainer;
import dev.lockstep.train.TrainingConfig;
import dev.lockstep.train.TrainingResult;
import dev.lockstep.train.TrainingStoppedException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.ml.attribute.Attribute;
import org.apache.spark.ml.attribute.BinaryAttribute;
import org.apache.spark.ml.attribute.NominalAttribute;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.types.StructField;

/** One call of {@code fit}: rows staged, workers up, training, a model. */
final class Fit {
    /**
     * Fits take turns in a JVM, which has one Spark application at most: the workers of a fit take every slot, and those of
     * another would wait for one until they are given up.
     */
    private static final Object TURN = new Object();

    private static final String JOB_DESCRIPTION = "spark.job.description";

    private final TwoLayerClassifier params;
    private final Dataset<?> dataset;
    private final JavaSparkContext spark;
    private final Configuration hadoop;

    Fit(TwoLayerClassifier params, Dataset<?> dataset) {
        this.params = params;
        this.dataset = dataset;
        this.spark = JavaSparkContext.fromSparkContext(dataset.sparkSession().sparkContext());
        this.hadoop = spark.hadoopConfiguration();
    }

    TwoLayerClassificationModel run() {
        params.config("", 2); // contradictions show before the rows are read
        synchronized (TURN) {
            try (Staging staging = new Staging(spark, params.getStagingDirectory())) {
                return train(stage(staging));
            }
        }
    }

    private StagedRows stage(Staging staging) {
        String described = spark.getLocalProperty(JOB_DESCRIPTION);
        try {
            if (described == null) {
                spark.setJobDescription("Lockstep: copy the rows");
            }
            return staging.stage(dataset, params.getLabelCol(), params.getFeaturesCol());
        } finally {
            spark.setLocalProperty(JOB_DESCRIPTION, described);
        }
    }

    private TwoLayerClassificationModel train(StagedRows rows) {
        TrainingConfig config = params.config(rows.name(), classes(rows));
        StepPlan plan = config.plan(rows, StagedRows.empty(rows.inputs()), params.kernelChoice());
        try (Parameters weights = new Parameters(plan.shape())) {
            config.network().init().initialize(weights, config.network().initStd(), config.seed());
            if (!params.getInitWeights().isEmpty()) {
                ModelFile.readInto(hadoop, params.getInitWeights(), weights);
            }
            int tasks = params.getTasks() == 0 ? LockstepGradientSource.defaultTasks(spark, plan) : params.getTasks();
            boolean rehearses = LockstepGradientSource.isWorthRehearsing(config.totalSteps(plan));
            TrainingHistory history = new TrainingHistory();
            try (GradientSource source = new LockstepGradientSource(
                            spark, plan, tasks, params.exchange(), rehearses, Optional.empty());
                    Trainer trainer = new Trainer(config, plan, source, weights, Optional.empty())) {
                TrainingResult result = trainer.train(0, history);
                Map<String, String> provenance =
                        config.provenance(source.data(), result.evaluation().step());
                provenance.put("init-weights", params.getInitWeights());
                return new TwoLayerClassificationModel(
                                params.uid(), new HeapNet(weights, plan.activation()), plan.loss(), provenance)
                        .withSummary(new TwoLayerTrainingSummary(result, history, source.counters()));
            }
        } catch (StageEndedException e) {
            throw TrainingStoppedException.whileLoading(e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** As many as the parameter says, or the label column's metadata, or the highest label. */
    private int classes(StagedRows rows) {
        int highest = rows.maxLabel();
        int classes = params.getClasses() == 0 ? attributeValues().orElse(0) : params.getClasses();
        if (classes == 0) {
            return Math.max(2, highest + 1);
        }
        if (classes < 2 || classes > 256) {
            throw new BadInputException("classes: expected 2 to 256, found " + classes);
        }
        if (highest >= classes) {
            throw new BadInputException("column " + params.getLabelCol() + ": expected classes 0 to " + (classes - 1)
                    + " (see classes), found " + highest);
        }
        return classes;
    }

    private Optional<Integer> attributeValues() {
        StructField column = dataset.schema().apply(params.getLabelCol());
        Attribute attribute = Attribute.fromStructField(column);
        if (attribute instanceof BinaryAttribute) {
            return Optional.of(2);
        }
        if (attribute instanceof NominalAttribute nominal
                && nominal.getNumValues().isDefined()) {
            return Optional.of(Math.max(2, (Integer) nominal.getNumValues().get()));
        }
        return Optional.empty();
    }
}
