package dev.lockstep.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code submit/bench} for real, as short as it can be. */
class TableBenchIT {
    private static final Path PROJECT = Path.of(System.getProperty("lockstep.project"));

    @TempDir
    Path directory;

    private String out;
    private String err;

    private JsonNode bench(String... words) throws IOException {
        Path json = directory.resolve("bench.json");
        List<String> command =
                new ArrayList<>(List.of(PROJECT.resolve("submit/bench").toString()));
        command.addAll(List.of(words));
        command.addAll(List.of("--quick", "--repeat", "1", "--json", json.toString()));
        out = ChildProcess.run(command, Map.of("LOCKSTEP_NO_BUILD", "1"), directory)
                .out();
        err = Files.readString(directory.resolve("err"));
        return new ObjectMapper().readTree(json.toFile());
    }

    /** NumPy may be there or not, so it is looked for where it is not. */
    @Test
    void wholeRunsAreMeasuredAndAnAbsentNumPyIsSaidLoudly() throws IOException {
        JsonNode json = bench("--rows", "start", "--python", "no-such-python");
        assertThat(err).contains("NUMPY IS ABSENT, and its rows are NOT MEASURED: no no-such-python");
        assertThat(out).startsWith("QUICK").contains("numpy absent", "start ", "grows");
        assertThat(json.path("rows")).hasSize(1);
        JsonNode start = json.path("rows").path(0);
        assertThat(start.path("ours").path("median").asDouble()).isBetween(0.5, 120.0);
        assertThat(start.path("peer").path("median").isNull()).isTrue();
        assertThat(json.path("rounds")
                        .path("start")
                        .path("Lockstep")
                        .path(0)
                        .path(Side.STEP_MILLIS)
                        .asDouble())
                .isPositive();
        assertThat(json.path("machine").path("jdk").asText()).contains(System.getProperty("java.version"));
        assertThat(json.path("controls").path(0).path("ratio").asDouble()).isBetween(0.5, 10.0);
    }

    @Test
    void kernelsAreMeasured() throws IOException {
        JsonNode json = bench("table", "--rows", "dense", "--markdown");
        JsonNode dense = json.path("rows").path(0);
        assertThat(dense.path("ours").path("median").asDouble()).isPositive();
        assertThat(out).contains("| dense input");
    }
}
