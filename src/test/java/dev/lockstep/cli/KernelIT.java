package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code --kernel} in JVMs that cannot run vector kernels, as drivers and as executors. */
class KernelIT {
    private static final String NARROW = "-XX:MaxVectorSize=16";
    private static final String WHY_NARROW = "vectors of 128 bits, and the kernels need 256";

    @TempDir
    Path directory;

    private Programs programs;
    private Path data;

    @BeforeEach
    void makeData() throws IOException {
        programs = new Programs(Files.createDirectory(directory.resolve("processes")));
        data = Snapshot.tinyData(directory.resolve("data"), Storage.PLAIN);
    }

    /** The jar alone, without the module options that Spark's launcher gives. */
    private Outcome withoutModule(Object... words) throws IOException {
        List<Object> all = new ArrayList<>();
        try (Stream<String> options = Files.lines(Programs.project("target/spark/java-module-options"))) {
            options.filter(option ->
                            !option.contains("jdk.incubator.vector") && !option.contains("sun.security.action"))
                    .forEach(all::add);
        }
        all.add("-Dlog4j2.configurationFile=" + Programs.project("conf/log4j2.properties"));
        all.add("-cp");
        all.add(Programs.project("target/lockstep.jar") + ":" + Programs.project("target/spark/jars") + "/*");
        all.add("dev.lockstep.cli.Main");
        all.addAll(List.of(words));
        return programs.start(Path.of(System.getProperty("java.home"), "bin/java"), Map.of(), all.toArray())
                .outcome();
    }

    private Object[] train(String kernel, String engine) {
        Path out = directory.resolve("run-" + kernel + "-" + engine);
        return new Object[] {
            "train", "--data", data, "--iterations", 20, "--engine", engine, "--kernel", kernel, "--out", out
        };
    }

    @Test
    void aJvmWithoutTheModuleHasPlainLoops() throws IOException {
        Outcome auto = withoutModule(train("auto", "local")).succeeded();
        assertThat(auto.err())
                .containsOnlyOnce("INFO KernelOption: kernels: scalar (no jdk.incubator.vector in this JVM");
        assertThat(Files.readString(directory.resolve("run-auto-local/summary.json")))
                .contains("\"kernel\" : \"scalar\"");
        Outcome scalar = withoutModule(train("scalar", "local")).succeeded();
        assertThat(scalar.err()).doesNotContain("kernels: ");
        assertThat(scalar.weightsSha256()).isEqualTo(auto.weightsSha256());
        withoutModule(train("vector", "local"))
                .refused("--kernel vector: expected ", "no jdk.incubator.vector in this JVM");
        assertThat(directory.resolve("run-vector-local")).doesNotExist();
        withoutModule("gradcheck", "--data", data, "--kernel", "vector").refused("--kernel vector: expected ");
        withoutModule("evaluate", "--model", "m", "--data", data, "--kernel", "vector")
                .refused("--kernel vector: expected ");
    }

    /** Narrower vectors than the kernels' would be emulated. The choice is that of the command line in every process. */
    @Test
    void executorsFollowTheChoice() {
        String[] narrowExecutors = {
            "--master",
            "local-cluster[1,1,1024]",
            "--conf",
            "spark.ui.enabled=false",
            "--conf",
            "spark.executor.extraJavaOptions=" + NARROW
        };
        Outcome auto = programs.lockstep(append(narrowExecutors, train("auto", "lockstep")));
        assertThat(auto.succeeded().err()).containsOnlyOnce("kernels: ");
        assertThat(auto.out()).startsWith("training "); // and nothing of what the JVM makes of its options
        // Where the driver cannot run them either, it says so, and not why executors cannot.
        String why = auto.err().contains("kernels: vector-") ? WHY_NARROW : "";
        Path model = directory.resolve("run-auto-lockstep/model.safetensors");
        Object[] evaluate = {"evaluate", "--model", model, "--data", data, "--kernel", "vector"};
        for (Object[] command : List.of(train("vector", "lockstep"), train("vector", "job"), evaluate)) {
            programs.lockstep(append(narrowExecutors, command)).refused("--kernel vector: expected ", why);
        }
    }

    @Test
    void aDriverWithNarrowVectorsHasPlainLoops() {
        Outcome auto = programs.lockstep(append(
                new String[] {"--master", "local[2]", "--driver-java-options", NARROW}, train("auto", "lockstep")));
        assertThat(auto.succeeded().err()).containsOnlyOnce("kernels: scalar (" + WHY_NARROW + ")");
    }

    private static Object[] append(String[] some, Object[] more) {
        return Stream.concat(Stream.of((Object[]) some), Stream.of(more)).toArray();
    }
}
