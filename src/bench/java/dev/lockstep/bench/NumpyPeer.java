package dev.lockstep.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** NumPy: the script {@code src/bench/python/two_layer_net.py}, run by the python3 that is on the PATH. */
final class NumpyPeer {
    /** Its name in the table. */
    static final String NAME = "NumPy";

    private static final String SCRIPT = "src/bench/python/two_layer_net.py";

    private final Workplace workplace;
    private final String python;
    private final String absence;
    private final JsonNode versions;

    /**
     * Looks whether it is there.
     *
     * @param python the interpreter, a name on the PATH or a path
     */
    NumpyPeer(Workplace workplace, String python) {
        this.workplace = workplace;
        this.python = python;
        JsonNode found = null;
        String missing = "";
        try {
            found = run(List.of("--version")).json();
        } catch (IOException | RunFailedException e) {
            missing = "no " + python + " with numpy: " + e.getMessage();
        }
        this.versions = found;
        this.absence = missing;
    }

    /** Why it is not there; nothing if it is. */
    String absence() {
        return absence;
    }

    /** Version, BLAS and its threads, for people. */
    String version() {
        return absence.isEmpty()
                ? versions.path("numpy").asText() + " on " + versions.path("blas").asText() + ", "
                        + versions.path("threads").asInt() + " threads, as it comes"
                : "absent";
    }

    /** The same training as Lockstep's, on the same files. */
    Side training(Path data, int hidden, int batchSize, int steps) {
        return () -> {
            requirePresent();
            ChildProcess.Finished run = run(List.of(
                    "--data", data.toString(),
                    "--hidden", Integer.toString(hidden),
                    "--batch-size", Integer.toString(batchSize),
                    "--iterations", Integer.toString(steps)));
            JsonNode json = run.json();
            double median = json.path("ms_per_step_p50").asDouble();
            Map<String, Double> figures = new LinkedHashMap<>();
            figures.put(Side.STEP_MILLIS_P50, median);
            figures.put(Side.STEP_MILLIS, json.path("ms_per_step").asDouble());
            figures.put(Side.STEP_MILLIS_REHEARSED, json.path("ms_per_step").asDouble());
            figures.put(Side.EXAMPLES_PER_SECOND, batchSize * 1e3 / median);
            figures.put(Side.IMAGES_PER_SECOND, json.path("images_per_second").asDouble());
            figures.put(Side.IMAGES_PER_SECOND_P50, json.path("images_per_second").asDouble());
            figures.put(Side.SECONDS, run.seconds());
            return figures;
        };
    }

    private void requirePresent() {
        if (!absence.isEmpty()) {
            throw new AbsentException(absence);
        }
    }

    private ChildProcess.Finished run(List<String> options) throws IOException {
        List<String> command = new ArrayList<>(
                List.of(python, workplace.home().resolve(SCRIPT).toString()));
        command.addAll(options);
        return ChildProcess.run(command, Map.of(), workplace.newDirectory());
    }
}
