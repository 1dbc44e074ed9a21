package dev.lockstep.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.BadInputException;
import dev.lockstep.files.SafetensorsFile;
import dev.lockstep.files.Tensor;
import dev.lockstep.fuzz.Mutation;
import dev.lockstep.fuzz.Verdict;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.optim.UpdateRule;
import dev.lockstep.step.LoadReport;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import net.jqwik.api.lifecycle.AfterProperty;
import net.jqwik.api.lifecycle.BeforeProperty;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/** Checkpoints from strangers, who may know how to seal one. {@code -Dfuzz.tries=N} tries N of each kind. */
@AddLifecycleHook(LeakCheck.class)
class CheckpointFuzzProperties {
    private static final NetworkShape SHAPE = new NetworkShape(6, 6, 4);
    private static final String NAME = "step-000000000007.safetensors";

    private java.nio.file.Path directory;
    private byte[] whole;

    @Provide
    Arbitrary<List<Mutation>> mutations() {
        return Mutation.several();
    }

    @BeforeProperty
    void save() throws IOException {
        directory = Files.createTempDirectory("lockstep-fuzz");
        restore((checkpoints, weights, optimizer, early) ->
                checkpoints.save(7, weights, optimizer, Optional.of(early), warning -> {}));
        whole = Files.readAllBytes(directory.resolve(NAME));
    }

    @AfterProperty
    void delete() throws IOException {
        Files.delete(directory.resolve(NAME));
        Files.delete(directory);
    }

    private interface Use {
        void of(RunCheckpoints checkpoints, Parameters weights, Optimizer optimizer, EarlyStopping early)
                throws IOException;
    }

    private void restore(Use use) throws IOException {
        TestConfig settings = new TestConfig();
        settings.rule = UpdateRule.MOMENTUM;
        settings.patience = 3;
        settings.validationFraction = 0.1;
        RunCheckpoints checkpoints = new RunCheckpoints(
                new Configuration(false), new Path(directory.toUri()), settings.build(), new LoadReport(1, 2, 3));
        try (Parameters weights = new Parameters(SHAPE);
                Optimizer optimizer = new Optimizer(UpdateRule.MOMENTUM, 0.9f, 0, SHAPE, KernelChoice.AUTO.kernels());
                EarlyStopping early = new EarlyStopping(3, weights)) {
            use.of(checkpoints, weights, optimizer, early);
        }
    }

    /** Takes it or says why not, in a warning or a refusal. */
    private void assertTakenOrRefused(long fileBytes) throws Exception {
        List<String> warnings = new ArrayList<>();
        TrainingListener listener = new TrainingListener() {
            @Override
            public void warned(String message) {
                warnings.add(message);
            }
        };
        Verdict.of(
                fileBytes,
                () -> restore((checkpoints, weights, optimizer, early) -> {
                    long step = checkpoints.restore(weights, optimizer, Optional.of(early), listener);
                    assertThat(step > 0).isEqualTo(warnings.isEmpty());
                }));
        assertThat(warnings).allSatisfy(warning -> assertThat(warning).doesNotContainPattern("[\\p{Cntrl}]"));
    }

    @Property(seed = "271832", edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.OFF)
    void damagedOnesAreTakenOrRefused(@ForAll("mutations") List<Mutation> mutations) throws Exception {
        byte[] bytes = Mutation.apply(mutations, whole);
        Files.write(directory.resolve(NAME), bytes);
        assertTakenOrRefused(bytes.length);
    }

    /** The seal is right, and what is sealed is not: texts, names, shapes, and whether a tensor is there at all. */
    @Property(seed = "271833", edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.OFF)
    void sealedOnesAreTakenOrRefused(
            @ForAll("mutations") List<Mutation> mutations, @ForAll int which, @ForAll boolean text) throws Exception {
        SafetensorsFile.Contents contents = SafetensorsFile.read(NAME, new ByteArrayInputStream(whole), whole.length);
        Map<String, String> texts = new TreeMap<>(contents.metadata());
        texts.remove("sha256");
        List<Tensor> tensors = new ArrayList<>(contents.tensors());
        if (text) {
            String key = List.copyOf(texts.keySet()).get(Math.floorMod(which, texts.size()));
            byte[] changed = Mutation.apply(mutations, texts.get(key).getBytes(StandardCharsets.UTF_8));
            texts.put(key, new String(changed, StandardCharsets.UTF_8));
        } else {
            Tensor victim = tensors.remove(Math.floorMod(which, tensors.size()));
            if (which > 0) {
                tensors.add(new Tensor(victim.name(), new int[] {victim.values().length, 1, 1}, victim.values()));
            }
        }
        java.nio.file.Path file = directory.resolve(NAME);
        try (OutputStream out = Files.newOutputStream(file)) {
            SafetensorsFile.write(out, tensors, new Checkpoint(tensors, texts).sealed());
        } catch (IllegalArgumentException | BadInputException e) {
            return; // nothing that a file can hold
        }
        assertTakenOrRefused(Files.size(file));
    }
}
