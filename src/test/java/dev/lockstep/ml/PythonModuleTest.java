package dev.lockstep.ml;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.junit.jupiter.api.Test;

/** The module for PySpark, as it lies in the jar, knows what the Java classes know. Whether PySpark likes it is not seen here. */
class PythonModuleTest {
    /** Of Spark itself, which PySpark has in its own classes. */
    private static final Set<String> SPARKS =
            Set.of("featuresCol", "labelCol", "predictionCol", "probabilityCol", "rawPredictionCol", "thresholds");

    private static String module() throws IOException {
        try (InputStream in = PythonModuleTest.class.getResourceAsStream("/dev/lockstep/ml.py")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static String pythonType(Param<?> param) {
        return param instanceof IntParam || param instanceof LongParam
                ? "int toInt"
                : param instanceof DoubleParam ? "float toFloat" : "str toString";
    }

    @Test
    void hasEveryParameterWithItsTypeAndText() throws IOException {
        Map<String, String> expected = new TreeMap<>();
        for (Param<?> param : new TwoLayerClassifier().params()) {
            if (!SPARKS.contains(param.name())) {
                expected.put(param.name(), pythonType(param) + " " + param.doc());
            }
        }
        Matcher found = Pattern.compile("(\\w+): \"Param\\[(\\w+)\\]\" = _param\\(\\s*\"(\\w+)\",((?:\\s*\"[^\"]*\")+),"
                        + "\\s*TypeConverters\\.(\\w+),?\\s*\\)")
                .matcher(module());
        Map<String, String> parameters = new TreeMap<>();
        while (found.find()) {
            assertThat(found.group(3)).isEqualTo(found.group(1));
            String text = Pattern.compile("\"([^\"]*)\"")
                    .matcher(found.group(4))
                    .results()
                    .map(part -> part.group(1))
                    .collect(Collectors.joining());
            parameters.put(found.group(1), found.group(2) + " " + found.group(5) + " " + text);
        }
        assertThat(parameters).isEqualTo(expected);
    }

    private static void assertAsks(String summary, Class<?> type) throws IOException {
        Matcher list = Pattern.compile("@_asking\\(([^)]*)\\)\\s*class " + summary + "\\(")
                .matcher(module());
        assertThat(list.find()).isTrue();
        Set<String> asked = Pattern.compile("\"(\\w+)\"")
                .matcher(list.group(1))
                .results()
                .map(name -> name.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
        Set<String> answered = Arrays.stream(type.getDeclaredMethods())
                .filter(method -> Modifier.isPublic(method.getModifiers()) && method.getParameterCount() == 0)
                .map(Method::getName)
                .collect(Collectors.toCollection(TreeSet::new));
        assertThat(asked).isEqualTo(answered);
    }

    @Test
    void summariesHaveEveryFigure() throws IOException {
        assertAsks("TwoLayerSummary", TwoLayerSummary.class);
        assertAsks("TwoLayerTrainingSummary", TwoLayerTrainingSummary.class);
    }

    @Test
    void namesTheJavaClassesByTheModulesOwnPlace() throws IOException {
        assertThat(module())
                .contains("_JAVA_PACKAGE = \"" + TwoLayerClassifier.class.getPackageName() + ".\"")
                .contains("class " + TwoLayerClassifier.class.getSimpleName() + "(")
                .contains("class " + TwoLayerClassificationModel.class.getSimpleName() + "(");
    }
}
