package dev.lockstep.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.lockstep.train.TrainingConfig;
import org.apache.spark.ml.param.Param;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The estimator's parameters by themselves: those of the command line, in their ranges. */
class TwoLayerTrainingParamsTest {
    @Test
    void everyOptionThatFixesTheBitsIsAParameter() {
        TwoLayerClassifier classifier = new TwoLayerClassifier();
        TrainingConfig config = classifier.config("data", 10);
        config.asMap().forEach((option, value) -> {
            if (!option.equals("classes")) {
                Param<Object> param = classifier.getParam(camelCase(option.equals("hidden") ? "hidden-units" : option));
                assertThat(param.doc()).isNotBlank();
                assertThat(classifier.getOrDefault(param).toString())
                        .as(option)
                        .isEqualTo(text(value, classifier.getOrDefault(param)));
            }
        });
        assertThat(classifier.explainParams()).contains("hiddenUnits: Hidden units (default: 50)");
    }

    /** What a float of the configuration is as a double of a parameter. */
    private static String text(String value, Object byDefault) {
        return byDefault instanceof Double ? Double.toString(Double.parseDouble(value)) : value;
    }

    private static String camelCase(String option) {
        StringBuilder name = new StringBuilder();
        for (String word : option.split("-")) {
            name.append(name.isEmpty() ? word : Character.toUpperCase(word.charAt(0)) + word.substring(1));
        }
        return name.toString();
    }

    @ParameterizedTest
    @CsvSource({"hiddenUnits, 0", "batchSize, 0", "shards, 0", "classes, 257", "exchangePort, 65536"})
    void aNumberOutOfRangeIsRefusedWhenItIsSet(String name, int value) {
        TwoLayerClassifier classifier = new TwoLayerClassifier();
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> classifier.set(classifier.getParam(name), value))
                .withMessageContaining(name)
                .withMessageContaining(Integer.toString(value));
    }

    @Test
    void aNameThatIsNoneIsRefusedWhenItIsSet() {
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> new TwoLayerClassifier().setActivation("softplus"))
                .withMessageContaining("activation")
                .withMessageContaining("softplus");
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> new TwoLayerClassifier().setLearningRate(Double.NaN))
                .withMessageContaining("learningRate");
    }
}
