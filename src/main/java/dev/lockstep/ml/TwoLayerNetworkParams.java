package dev.lockstep.ml;

import dev.lockstep.data.Sampling;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.Loss;
import dev.lockstep.net.Initializer;
import dev.lockstep.step.GradientMethod;
import dev.lockstep.train.TrainingConfig;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.apache.spark.ml.classification.ProbabilisticClassifier;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamValidators;

/**
 * Parameters of {@link TwoLayerClassifier} for the network, its initial weights and its mini-batches. Each says what it is
 * in {@code explainParams()}.
 */
public abstract class TwoLayerNetworkParams
        extends ProbabilisticClassifier<Vector, TwoLayerClassifier, TwoLayerClassificationModel> {
    private static final long serialVersionUID = 1L;

    private String uid; // see Uid: set while the superclass's constructor runs, so nothing may initialise it here

    private final IntParam hiddenUnits = intParam("hiddenUnits", "Hidden units", 1, 1 << 20, 50);
    private final IntParam classes = intParam(
            "classes",
            "Classes, 2 to 256, of which labels are 0 to classes - 1; 0 for what the label column's metadata say, or else the highest label + 1",
            0,
            256,
            0);
    private final Param<String> activation =
            choice("activation", "Of the hidden layer: sigmoid, tanh or relu", Activation.SIGMOID);
    private final Param<String> loss = choice("loss", "cross-entropy or mse", Loss.CROSS_ENTROPY);
    private final Param<String> init =
            choice("init", "Initial weights: normal (with initStd), xavier or he", Initializer.NORMAL);
    private final DoubleParam initStd =
            doubleParam("initStd", "Standard deviation of normal initial weights", 0, 1e6, 0.01);
    private final Param<String> initWeights =
            textParam("initWeights", "A .safetensors or .npz file to start from instead; empty for none");
    private final LongParam seed =
            longParam("seed", "Seed of initial weights, mini-batches and hold-out", Long.MIN_VALUE, Long.MAX_VALUE, 1L);
    private final IntParam batchSize = intParam("batchSize", "Examples of a mini-batch", 1, 1 << 24, 100);
    private final Param<String> sampling =
            choice("sampling", "Mini-batches with replacement, or a new order each epoch", Sampling.REPLACEMENT);
    private final IntParam shards = intParam(
            "shards",
            "Logical shards of the rows: bounds the tasks, and is part of what fixes the bits of the result",
            1,
            1 << 16,
            8);
    private final DoubleParam validationFraction =
            doubleParam("validationFraction", "Share of the rows held out for validation", 0, 0.999999, 0);
    private final Param<String> gradient =
            choice("gradient", "backprop, or numerical for tiny networks", GradientMethod.BACKPROP);

    TwoLayerNetworkParams(Uid given) {}

    @Override
    public final String uid() {
        if (uid == null) {
            uid = Uid.take();
        }
        return uid;
    }

    // --- Making, setting and reading parameters ---

    final IntParam intParam(String name, String doc, int min, int max, int byDefault) {
        IntParam param = new IntParam(this, name, doc, ParamValidators.inRange(min, max));
        setDefault(param, byDefault);
        return param;
    }

    final LongParam longParam(String name, String doc, long min, long max) {
        return new LongParam(this, name, doc, ParamValidators.inRange(min, max));
    }

    final LongParam longParam(String name, String doc, long min, long max, long byDefault) {
        LongParam param = longParam(name, doc, min, max);
        setDefault(param, byDefault);
        return param;
    }

    final DoubleParam doubleParam(String name, String doc, double min, double max, double byDefault) {
        DoubleParam param = new DoubleParam(this, name, doc, ParamValidators.inRange(min, max));
        setDefault(param, byDefault);
        return param;
    }

    /** A text that is empty by default. */
    final Param<String> textParam(String name, String doc) {
        Param<String> param = new Param<>(this, name, doc);
        setDefault(param, "");
        return param;
    }

    /** The constants of an enum by the names of the command line. */
    final <E extends Enum<E>> Param<String> choice(String name, String doc, E byDefault) {
        List<String> names = Arrays.stream(byDefault.getDeclaringClass().getEnumConstants())
                .map(TrainingConfig::text)
                .toList();
        Param<String> param = new Param<>(this, name, doc, ParamValidators.inArray(names));
        setDefault(param, TrainingConfig.text(byDefault));
        return param;
    }

    /** The constant that a {@link #choice} stands at. */
    final <E extends Enum<E>> E chosen(Class<E> type, Param<String> param) {
        return Enum.valueOf(type, $(param).toUpperCase(Locale.ROOT).replace('-', '_'));
    }

    final <T> TwoLayerClassifier with(Param<T> param, T value) {
        return (TwoLayerClassifier) set(param, value);
    }

    // --- The configuration's parts ---

    final TrainingConfig.Network network(int classCount) {
        return new TrainingConfig.Network(
                getHiddenUnits(),
                classCount,
                chosen(Activation.class, activation),
                chosen(Loss.class, loss),
                chosen(Initializer.class, init),
                getInitStd());
    }

    final TrainingConfig.Batches batches() {
        return new TrainingConfig.Batches(
                getBatchSize(),
                chosen(Sampling.class, sampling),
                getShards(),
                getValidationFraction(),
                chosen(GradientMethod.class, gradient));
    }

    // --- The parameters ---

    public IntParam hiddenUnits() {
        return hiddenUnits;
    }

    public int getHiddenUnits() {
        return (int) $(hiddenUnits);
    }

    public TwoLayerClassifier setHiddenUnits(int value) {
        return with(hiddenUnits, value);
    }

    public IntParam classes() {
        return classes;
    }

    public int getClasses() {
        return (int) $(classes);
    }

    public TwoLayerClassifier setClasses(int value) {
        return with(classes, value);
    }

    public Param<String> activation() {
        return activation;
    }

    public String getActivation() {
        return $(activation);
    }

    public TwoLayerClassifier setActivation(String value) {
        return with(activation, value);
    }

    public Param<String> loss() {
        return loss;
    }

    public String getLoss() {
        return $(loss);
    }

    public TwoLayerClassifier setLoss(String value) {
        return with(loss, value);
    }

    public Param<String> init() {
        return init;
    }

    public String getInit() {
        return $(init);
    }

    public TwoLayerClassifier setInit(String value) {
        return with(init, value);
    }

    public DoubleParam initStd() {
        return initStd;
    }

    public double getInitStd() {
        return (double) $(initStd);
    }

    public TwoLayerClassifier setInitStd(double value) {
        return with(initStd, value);
    }

    public Param<String> initWeights() {
        return initWeights;
    }

    public String getInitWeights() {
        return $(initWeights);
    }

    public TwoLayerClassifier setInitWeights(String value) {
        return with(initWeights, value);
    }

    public LongParam seed() {
        return seed;
    }

    public long getSeed() {
        return (long) $(seed);
    }

    public TwoLayerClassifier setSeed(long value) {
        return with(seed, value);
    }

    public IntParam batchSize() {
        return batchSize;
    }

    public int getBatchSize() {
        return (int) $(batchSize);
    }

    public TwoLayerClassifier setBatchSize(int value) {
        return with(batchSize, value);
    }

    public Param<String> sampling() {
        return sampling;
    }

    public String getSampling() {
        return $(sampling);
    }

    public TwoLayerClassifier setSampling(String value) {
        return with(sampling, value);
    }

    public IntParam shards() {
        return shards;
    }

    public int getShards() {
        return (int) $(shards);
    }

    public TwoLayerClassifier setShards(int value) {
        return with(shards, value);
    }

    public DoubleParam validationFraction() {
        return validationFraction;
    }

    public double getValidationFraction() {
        return (double) $(validationFraction);
    }

    public TwoLayerClassifier setValidationFraction(double value) {
        return with(validationFraction, value);
    }

    public Param<String> gradient() {
        return gradient;
    }

    public String getGradient() {
        return $(gradient);
    }

    public TwoLayerClassifier setGradient(String value) {
        return with(gradient, value);
    }
}
