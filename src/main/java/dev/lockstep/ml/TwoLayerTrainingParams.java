package dev.lockstep.ml;

import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.optim.LearningRate;
import dev.lockstep.optim.UpdateRule;
import dev.lockstep.step.ExchangeSettings;
import dev.lockstep.train.TrainingConfig;
import java.util.OptionalLong;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;

/**
 * Parameters of {@link TwoLayerClassifier} for the updates, the length of training, and the cluster. Each says what it is in
 * {@code explainParams()}.
 */
public abstract class TwoLayerTrainingParams extends TwoLayerNetworkParams {
    private static final long serialVersionUID = 1L;
    private static final long MAX_STEPS = 1L << 40;

    private final Param<String> optimizer = choice("optimizer", "sgd, momentum or nesterov", UpdateRule.SGD);
    private final DoubleParam learningRate = doubleParam("learningRate", "Learning rate", 0, 1e6, 0.1);
    private final DoubleParam momentum = doubleParam("momentum", "Of momentum and nesterov", 0, 1, 0.9);
    private final DoubleParam weightDecay =
            doubleParam("weightDecay", "Times the weights, added to the gradient of W1 and W2", 0, 1e6, 0);
    private final Param<String> schedule =
            choice("schedule", "Of the learning rate: constant, step or cosine", LearningRate.Schedule.CONSTANT);
    private final LongParam warmupSteps =
            longParam("warmupSteps", "Steps over which the learning rate first rises in a line", 0, MAX_STEPS, 0L);
    private final LongParam decayEvery =
            longParam("decayEvery", "Of schedule step: steps after which the rate falls", 1, MAX_STEPS, 1000L);
    private final DoubleParam decayFactor =
            doubleParam("decayFactor", "Of schedule step: what the rate is multiplied by then", 0, 1, 0.5);
    private final LongParam iterations = longParam("iterations", "Steps", 0, MAX_STEPS, 10_000L);
    private final LongParam epochs =
            longParam("epochs", "Passes over the training rows, instead of iterations", 0, 1 << 20);
    private final IntParam patience = intParam(
            "patience",
            "Stop after so many evaluations without a lower validation loss, and keep the best weights; 0 for never",
            0,
            1 << 30,
            0);
    private final LongParam evaluateEvery = longParam(
            "evaluateEvery",
            "Steps between evaluations on all training and validation rows; 0 for once an epoch",
            0,
            MAX_STEPS,
            0L);
    private final IntParam tasks = intParam(
            "tasks", "Spark tasks; 0 for one a core, at most one a shard, and on a cluster one a shard", 0, 1 << 16, 0);
    private final Param<String> kernel =
            choice("kernel", "auto; vector for the vector API of the JDK, scalar for plain loops", KernelChoice.AUTO);
    private final IntParam fanIn = intParam(
            "fanIn",
            "Workers below the driver, and below each worker; 0 if all exchange with the driver",
            0,
            1 << 16,
            0);
    private final IntParam exchangePort =
            intParam("exchangePort", "Port of the driver that workers connect to; 0 for any that is free", 0, 65535, 0);
    private final IntParam stepTimeout = intParam(
            "stepTimeout", "Seconds without a sign of life after which a worker counts as lost", 1, 1_000_000, 10);
    private final IntParam workerTimeout =
            intParam("workerTimeout", "Seconds that training waits while it has no worker", 1, 1_000_000, 120);
    private final Param<String> stagingDirectory = textParam(
            "stagingDirectory",
            "Directory, on a filesystem that all executors reach, where the rows are kept while fit works; empty for the checkpoint directory of Spark, or else the home directory on the default filesystem, or else the local one");

    TwoLayerTrainingParams(Uid given) {
        super(given);
    }

    /**
     * The whole configuration.
     *
     * @param data what the rows are called
     * @throws IllegalArgumentException if parameters contradict each other
     */
    final TrainingConfig config(String data, int classCount) {
        if (isSet(epochs) && isSet(iterations)) {
            throw new IllegalArgumentException("epochs and iterations: expected one of them, found both");
        }
        if (getPatience() > 0 && getValidationFraction() == 0) {
            throw new IllegalArgumentException("patience " + getPatience()
                    + ": expected a validationFraction above 0, found 0: early stopping watches the validation loss");
        }
        if (getClasses() == 1) {
            throw new IllegalArgumentException("classes: expected 2 to 256, or 0 for what the labels say, found 1");
        }
        return new TrainingConfig(
                data,
                getSeed(),
                network(classCount),
                batches(),
                new TrainingConfig.Updates(
                        chosen(UpdateRule.class, optimizer),
                        (float) getLearningRate(),
                        (float) getMomentum(),
                        (float) getWeightDecay(),
                        chosen(LearningRate.Schedule.class, schedule),
                        getWarmupSteps(),
                        getDecayEvery(),
                        (float) getDecayFactor()),
                new TrainingConfig.Length(
                        getIterations(),
                        isDefined(epochs) ? OptionalLong.of(getEpochs()) : OptionalLong.empty(),
                        getPatience()),
                new TrainingConfig.Watching(
                        getEvaluateEvery() == 0 ? OptionalLong.empty() : OptionalLong.of(getEvaluateEvery()),
                        1,
                        0,
                        1,
                        false));
    }

    final KernelChoice kernelChoice() {
        return chosen(KernelChoice.class, kernel);
    }

    final ExchangeSettings exchange() {
        return new ExchangeSettings(getFanIn(), getExchangePort(), getWorkerTimeout(), getStepTimeout());
    }

    public Param<String> optimizer() {
        return optimizer;
    }

    public String getOptimizer() {
        return $(optimizer);
    }

    public TwoLayerClassifier setOptimizer(String value) {
        return with(optimizer, value);
    }

    public DoubleParam learningRate() {
        return learningRate;
    }

    public double getLearningRate() {
        return (double) $(learningRate);
    }

    public TwoLayerClassifier setLearningRate(double value) {
        return with(learningRate, value);
    }

    public DoubleParam momentum() {
        return momentum;
    }

    public double getMomentum() {
        return (double) $(momentum);
    }

    public TwoLayerClassifier setMomentum(double value) {
        return with(momentum, value);
    }

    public DoubleParam weightDecay() {
        return weightDecay;
    }

    public double getWeightDecay() {
        return (double) $(weightDecay);
    }

    public TwoLayerClassifier setWeightDecay(double value) {
        return with(weightDecay, value);
    }

    public Param<String> schedule() {
        return schedule;
    }

    public String getSchedule() {
        return $(schedule);
    }

    public TwoLayerClassifier setSchedule(String value) {
        return with(schedule, value);
    }

    public LongParam warmupSteps() {
        return warmupSteps;
    }

    public long getWarmupSteps() {
        return (long) $(warmupSteps);
    }

    public TwoLayerClassifier setWarmupSteps(long value) {
        return with(warmupSteps, value);
    }

    public LongParam decayEvery() {
        return decayEvery;
    }

    public long getDecayEvery() {
        return (long) $(decayEvery);
    }

    public TwoLayerClassifier setDecayEvery(long value) {
        return with(decayEvery, value);
    }

    public DoubleParam decayFactor() {
        return decayFactor;
    }

    public double getDecayFactor() {
        return (double) $(decayFactor);
    }

    public TwoLayerClassifier setDecayFactor(double value) {
        return with(decayFactor, value);
    }

    public LongParam iterations() {
        return iterations;
    }

    public long getIterations() {
        return (long) $(iterations);
    }

    public TwoLayerClassifier setIterations(long value) {
        return with(iterations, value);
    }

    public LongParam epochs() {
        return epochs;
    }

    public long getEpochs() {
        return (long) $(epochs);
    }

    public TwoLayerClassifier setEpochs(long value) {
        return with(epochs, value);
    }

    public IntParam patience() {
        return patience;
    }

    public int getPatience() {
        return (int) $(patience);
    }

    public TwoLayerClassifier setPatience(int value) {
        return with(patience, value);
    }

    public LongParam evaluateEvery() {
        return evaluateEvery;
    }

    public long getEvaluateEvery() {
        return (long) $(evaluateEvery);
    }

    public TwoLayerClassifier setEvaluateEvery(long value) {
        return with(evaluateEvery, value);
    }

    public IntParam tasks() {
        return tasks;
    }

    public int getTasks() {
        return (int) $(tasks);
    }

    public TwoLayerClassifier setTasks(int value) {
        return with(tasks, value);
    }

    public Param<String> kernel() {
        return kernel;
    }

    public String getKernel() {
        return $(kernel);
    }

    public TwoLayerClassifier setKernel(String value) {
        return with(kernel, value);
    }

    public IntParam fanIn() {
        return fanIn;
    }

    public int getFanIn() {
        return (int) $(fanIn);
    }

    public TwoLayerClassifier setFanIn(int value) {
        return with(fanIn, value);
    }

    public IntParam exchangePort() {
        return exchangePort;
    }

    public int getExchangePort() {
        return (int) $(exchangePort);
    }

    public TwoLayerClassifier setExchangePort(int value) {
        return with(exchangePort, value);
    }

    public IntParam stepTimeout() {
        return stepTimeout;
    }

    public int getStepTimeout() {
        return (int) $(stepTimeout);
    }

    public TwoLayerClassifier setStepTimeout(int value) {
        return with(stepTimeout, value);
    }

    public IntParam workerTimeout() {
        return workerTimeout;
    }

    public int getWorkerTimeout() {
        return (int) $(workerTimeout);
    }

    public TwoLayerClassifier setWorkerTimeout(int value) {
        return with(workerTimeout, value);
    }

    public Param<String> stagingDirectory() {
        return stagingDirectory;
    }

    public String getStagingDirectory() {
        return $(stagingDirectory);
    }

    public TwoLayerClassifier setStagingDirectory(String value) {
        return with(stagingDirectory, value);
    }
}
