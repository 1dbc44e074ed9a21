package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.fuzz.Mutation;
import dev.lockstep.memory.LeakCheck;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import net.jqwik.api.lifecycle.AfterProperty;
import net.jqwik.api.lifecycle.BeforeProperty;

/** Presets and models from strangers, through the commands that read them: 300 of each. */
@AddLifecycleHook(LeakCheck.class)
class CommandFuzzProperties {
    private Path directory;
    private Path preset;
    private Path data;
    private byte[] modern;
    private byte[] model;

    @Provide
    Arbitrary<List<Mutation>> mutations() {
        return Mutation.several();
    }

    @BeforeProperty
    void prepare() throws IOException, URISyntaxException {
        directory = Files.createTempDirectory("lockstep-fuzz");
        data = Snapshot.tinyData(directory.resolve("data"), Storage.PLAIN);
        // Beside the tests' own presets, where the commands look for them.
        preset = Path.of(getClass().getResource("/presets/test-tiny.properties").toURI())
                .resolveSibling("test-fuzz.properties");
        modern = Files.readAllBytes(Programs.project("conf/modern.properties"));
        InProcess.run(train("--out", directory.resolve("run"))).succeeded();
        model = Files.readAllBytes(directory.resolve("run/model.safetensors"));
    }

    @AfterProperty
    void delete() throws IOException {
        Files.deleteIfExists(preset);
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    private Object[] train(Object... more) {
        return Stream.concat(
                        Stream.of("train", "--data", data, "--engine", "local", "--iterations", 0, "--overwrite"),
                        Stream.of(more))
                .toArray();
    }

    private static void assertDoneOrRefused(Outcome outcome) {
        assertThat(outcome.status()).as(outcome.err()).isIn(0, 2);
        if (outcome.status() == 2) {
            assertThat(outcome.errLines()).hasSize(1);
        }
        assertThat(outcome.err().replace("\n", "")).doesNotContainPattern("[\\p{Cntrl}]");
    }

    @Property(seed = "271834", tries = 300, edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.OFF)
    void presetsAreTakenOrRefused(@ForAll("mutations") List<Mutation> mutations) throws IOException {
        Files.write(preset, Mutation.apply(mutations, modern));
        assertDoneOrRefused(InProcess.run(train("--preset", "test-fuzz", "--out", directory.resolve("fuzz"))));
    }

    @Property(seed = "271835", tries = 300, edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.OFF)
    void modelsAreTakenOrRefused(@ForAll("mutations") List<Mutation> mutations) throws IOException {
        Path file = directory.resolve("fuzz.safetensors");
        Files.write(file, Mutation.apply(mutations, model));
        assertDoneOrRefused(InProcess.run(
                "export", "--model", file, "--format", "npz", "--out", directory.resolve("fuzz.npz"), "--overwrite"));
        assertDoneOrRefused(InProcess.run(train("--init-weights", file, "--out", directory.resolve("fuzz"))));
    }

    /** Found by the search: it ended with status 1, as a run that diverged. */
    @Example
    void aWeightThatIsNoNumberIsBadInput() throws IOException {
        byte[] damaged = model.clone();
        damaged[damaged.length - 1] = 0x7f;
        damaged[damaged.length - 2] = (byte) 0xff;
        Path file = Files.write(directory.resolve("nan.safetensors"), damaged);
        InProcess.run(train("--init-weights", file, "--out", directory.resolve("fuzz")))
                .refused(file.toString(), "b2", "expected finite weights", "found NaN as value 9 of 10");
    }

    /** Found by the search: a key of a preset went to the terminal as it was. */
    @Example
    void aKeyThatWouldClearTheScreenIsSpeltOut() throws IOException {
        Files.writeString(preset, "\u001b[2J = 1\n");
        InProcess.run(train("--preset", "test-fuzz", "--out", directory.resolve("fuzz")))
                .refused("conf/test-fuzz.properties", "\\u001b[2J");
    }
}
