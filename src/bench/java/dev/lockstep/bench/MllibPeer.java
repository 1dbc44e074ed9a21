package dev.lockstep.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** MLlib's MultilayerPerceptronClassifier: {@link MllibFit} in a JVM of its own, with the options of this one. */
final class MllibPeer {
    /** Its name in the table. */
    static final String NAME = "MLlib";

    private static final int SEED = 1;
    /** The images as doubles, twice: as they are cached, and as MLlib stacks them. */
    private static final String HEAP = "-Xmx4g";

    private final Workplace workplace;

    MllibPeer(Workplace workplace) {
        this.workplace = workplace;
    }

    /** A fit of the same network on the same files. */
    UntilAccuracy.Training training(String master, Path data) {
        return iterations -> {
            JsonNode json = run(master, data, iterations);
            return Map.of(
                    Side.FIT_SECONDS, json.path("fit_seconds").asDouble(),
                    Side.FIT_SECONDS_REHEARSED, json.path("fit_seconds").asDouble(),
                    Side.TEST_ACCURACY, json.path("test_accuracy").asDouble());
        };
    }

    private JsonNode run(String master, Path data, int iterations) throws IOException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of(
                HEAP,
                "-cp",
                System.getProperty("java.class.path"),
                MllibFit.class.getName(),
                master,
                data.toString(),
                Integer.toString(iterations),
                Integer.toString(SEED)));
        return ChildProcess.run(command, Map.of(), workplace.newDirectory()).json();
    }
}
