"""Lockstep's estimator for PySpark 4.1: thin wrappers of the Java classes of the same names.

The jar of Lockstep holds this module too, so one file serves both sides:

    pyspark --jars lockstep.jar --py-files lockstep.jar

    from dev.lockstep.ml import TwoLayerClassifier, read_digits
    train, test = (read_digits(spark, "data/mnist-10k", split) for split in ("train", "test"))
    model = TwoLayerClassifier(hiddenUnits=100, epochs=5).fit(train)
    model.evaluate(test).accuracy

The module has the name of the Java package, by which PySpark finds the one from the other when it loads a Pipeline. It needs
classic PySpark: with Spark Connect, the server runs the classes that it knows only.
"""

from pyspark import SparkContext
from pyspark.ml.classification import _JavaProbabilisticClassificationModel, _JavaProbabilisticClassifier
from pyspark.ml.linalg import Vector
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import JavaMLReadable, JavaMLWritable
from pyspark.ml.wrapper import JavaWrapper
from pyspark.sql import DataFrame

__all__ = [
    "TwoLayerClassifier",
    "TwoLayerClassificationModel",
    "TwoLayerSummary",
    "TwoLayerTrainingSummary",
    "read_digits",
]

_JAVA_PACKAGE = "dev.lockstep.ml."


def read_digits(spark, directory, split):
    """MNIST's files as a DataFrame of label and features; split is "train" or "test". See the Java class Digits."""
    java = spark.sparkContext._jvm.dev.lockstep.ml
    return DataFrame(java.Digits.read(spark._jsparkSession, directory, split), spark)


def _param(name, doc, converter):
    return Param(Params._dummy(), name, doc, converter)


def _with_accessors(cls):
    """Gives the class getX and setX for each of its own parameters x."""

    def accessors(name):
        def getter(self):
            return self.getOrDefault(name)

        def setter(self, value):
            return self._set(**{name: value})

        return getter, setter

    for name, param in list(vars(cls).items()):
        if isinstance(param, Param):
            suffix = name[0].upper() + name[1:]
            for prefix, function in zip(("get", "set"), accessors(name)):
                function.__name__ = prefix + suffix
                function.__doc__ = param.doc
                setattr(cls, prefix + suffix, function)
    return cls


@_with_accessors
class _TwoLayerParams(Params):
    """The parameters that are Lockstep's own; their defaults come from Java."""

    hiddenUnits: "Param[int]" = _param("hiddenUnits", "Hidden units", TypeConverters.toInt)
    classes: "Param[int]" = _param(
        "classes",
        "Classes, 2 to 256, of which labels are 0 to classes - 1; 0 for what the label column's metadata say, "
        "or else the highest label + 1",
        TypeConverters.toInt,
    )
    activation: "Param[str]" = _param(
        "activation",
        "Of the hidden layer: sigmoid, tanh or relu",
        TypeConverters.toString,
    )
    loss: "Param[str]" = _param("loss", "cross-entropy or mse", TypeConverters.toString)
    init: "Param[str]" = _param("init", "Initial weights: normal (with initStd), xavier or he", TypeConverters.toString)
    initStd: "Param[float]" = _param("initStd", "Standard deviation of normal initial weights", TypeConverters.toFloat)
    initWeights: "Param[str]" = _param(
        "initWeights",
        "A .safetensors or .npz file to start from instead; empty for none",
        TypeConverters.toString,
    )
    seed: "Param[int]" = _param("seed", "Seed of initial weights, mini-batches and hold-out", TypeConverters.toInt)
    batchSize: "Param[int]" = _param("batchSize", "Examples of a mini-batch", TypeConverters.toInt)
    sampling: "Param[str]" = _param(
        "sampling",
        "Mini-batches with replacement, or a new order each epoch",
        TypeConverters.toString,
    )
    shards: "Param[int]" = _param(
        "shards",
        "Logical shards of the rows: bounds the tasks, and is part of what fixes the bits of the result",
        TypeConverters.toInt,
    )
    validationFraction: "Param[float]" = _param(
        "validationFraction",
        "Share of the rows held out for validation",
        TypeConverters.toFloat,
    )
    gradient: "Param[str]" = _param("gradient", "backprop, or numerical for tiny networks", TypeConverters.toString)
    optimizer: "Param[str]" = _param("optimizer", "sgd, momentum or nesterov", TypeConverters.toString)
    learningRate: "Param[float]" = _param("learningRate", "Learning rate", TypeConverters.toFloat)
    momentum: "Param[float]" = _param("momentum", "Of momentum and nesterov", TypeConverters.toFloat)
    weightDecay: "Param[float]" = _param(
        "weightDecay",
        "Times the weights, added to the gradient of W1 and W2",
        TypeConverters.toFloat,
    )
    schedule: "Param[str]" = _param(
        "schedule",
        "Of the learning rate: constant, step or cosine",
        TypeConverters.toString,
    )
    warmupSteps: "Param[int]" = _param(
        "warmupSteps",
        "Steps over which the learning rate first rises in a line",
        TypeConverters.toInt,
    )
    decayEvery: "Param[int]" = _param(
        "decayEvery",
        "Of schedule step: steps after which the rate falls",
        TypeConverters.toInt,
    )
    decayFactor: "Param[float]" = _param(
        "decayFactor",
        "Of schedule step: what the rate is multiplied by then",
        TypeConverters.toFloat,
    )
    iterations: "Param[int]" = _param("iterations", "Steps", TypeConverters.toInt)
    epochs: "Param[int]" = _param(
        "epochs",
        "Passes over the training rows, instead of iterations",
        TypeConverters.toInt,
    )
    patience: "Param[int]" = _param(
        "patience",
        "Stop after so many evaluations without a lower validation loss, and keep the best weights; 0 for "
        "never",
        TypeConverters.toInt,
    )
    evaluateEvery: "Param[int]" = _param(
        "evaluateEvery",
        "Steps between evaluations on all training and validation rows; 0 for once an epoch",
        TypeConverters.toInt,
    )
    tasks: "Param[int]" = _param(
        "tasks",
        "Spark tasks; 0 for one a core, at most one a shard, and on a cluster one a shard",
        TypeConverters.toInt,
    )
    kernel: "Param[str]" = _param(
        "kernel",
        "auto; vector for the vector API of the JDK, scalar for plain loops",
        TypeConverters.toString,
    )
    fanIn: "Param[int]" = _param(
        "fanIn",
        "Workers below the driver, and below each worker; 0 if all exchange with the driver",
        TypeConverters.toInt,
    )
    exchangePort: "Param[int]" = _param(
        "exchangePort",
        "Port of the driver that workers connect to; 0 for any that is free",
        TypeConverters.toInt,
    )
    stepTimeout: "Param[int]" = _param(
        "stepTimeout",
        "Seconds without a sign of life after which a worker counts as lost",
        TypeConverters.toInt,
    )
    workerTimeout: "Param[int]" = _param(
        "workerTimeout",
        "Seconds that training waits while it has no worker",
        TypeConverters.toInt,
    )
    stagingDirectory: "Param[str]" = _param(
        "stagingDirectory",
        "Directory, on a filesystem that all executors reach, where the rows are kept while fit works; empty "
        "for the checkpoint directory of Spark, or else the home directory on the default filesystem, or else "
        "the local one",
        TypeConverters.toString,
    )


class TwoLayerClassifier(
    _JavaProbabilisticClassifier["TwoLayerClassificationModel"],
    _TwoLayerParams,
    JavaMLWritable,
    JavaMLReadable["TwoLayerClassifier"],
):
    """Trains a two-layer network, see the Java class. Every parameter may be given by name: hiddenUnits=100."""

    def __init__(self, **params):
        super().__init__()
        self._java_obj = self._new_java_obj(_JAVA_PACKAGE + "TwoLayerClassifier", self.uid)
        self._transfer_params_from_java()  # the defaults
        self.setParams(**params)

    def setParams(self, **params):
        """Sets parameters by name."""
        return self._set(**params)

    def _create_model(self, java_model):
        return TwoLayerClassificationModel(java_model)


class TwoLayerClassificationModel(
    _JavaProbabilisticClassificationModel[Vector],
    JavaMLWritable,
    JavaMLReadable["TwoLayerClassificationModel"],
):
    """What TwoLayerClassifier trains, see the Java class."""

    @classmethod
    def fromFile(cls, uri):
        """A model from a model.safetensors that the command ``train`` wrote."""
        java = SparkContext._active_spark_context._jvm.dev.lockstep.ml
        return cls._from_java(java.TwoLayerClassificationModel.fromFile(uri))

    @property
    def hiddenUnits(self):
        """Units of the hidden layer."""
        return self._call_java("hiddenUnits")

    @property
    def weights(self):
        """W1 [features, hidden], b1, W2 [hidden, classes], b2, row-major, one after the other."""
        return self._call_java("weights")

    @property
    def weightsSha256(self):
        """Equal for models with the same bits."""
        return self._call_java("weightsSha256")

    @property
    def hasSummary(self):
        """Whether summary is there: it is on the model that fit returned."""
        return self._call_java("hasSummary")

    @property
    def summary(self):
        """How training went."""
        return TwoLayerTrainingSummary(self._java_obj.summary())

    def evaluate(self, dataset):
        """How the model does on rows with labels."""
        self._transfer_params_to_java()
        return TwoLayerSummary(self._java_obj.evaluate(dataset._jdf))


def _asking(*names):
    """A class decorator: a property for each method of the Java object."""

    def decorate(cls):
        for name in names:
            setattr(cls, name, property(lambda self, name=name: self._call_java(name)))
        return cls

    return decorate


@_asking(
    "predictions",
    "labels",
    "accuracy",
    "logLoss",
    "precisionByLabel",
    "recallByLabel",
    "fMeasureByLabel",
    "weightedPrecision",
    "weightedRecall",
    "weightedFMeasure",
    "confusionMatrix",
)
class TwoLayerSummary(JavaWrapper):
    """How a model does on rows with labels, see the Java class; all are properties."""


@_asking(
    "totalIterations",
    "modelStep",
    "steps",
    "objectiveHistory",
    "accuracyHistory",
    "validationLossHistory",
    "validationAccuracyHistory",
    "trainAccuracy",
    "trainingSeconds",
    "millisPerStep",
    "medianMillisPerStep",
    "workersLost",
)
class TwoLayerTrainingSummary(JavaWrapper):
    """How a call of fit went, see the Java class; all are properties."""
