package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** NumPy loads what {@code export --format npz} writes, to the last bit; skipped, with a line that says so, where it is missing. */
class NumpyIT {
    private static final Path PYTHON = Path.of("/usr/bin/env");

    @TempDir
    Path directory;

    private Outcome python(String program, Object... words) {
        Object[] all = new Object[3 + words.length];
        all[0] = "python3";
        all[1] = "-c";
        all[2] = program;
        System.arraycopy(words, 0, all, 3, words.length);
        return new Programs(directory).start(PYTHON, Map.of(), all).outcome();
    }

    @Test
    void numpyReadsTheSameWeights() throws IOException {
        if (python("import numpy").status() != 0) {
            System.err.println("NOT TESTED: NumPy's reading of export --format npz, since python3 finds no numpy here");
            Assumptions.abort("python3 finds no numpy");
        }
        Path data = Snapshot.tinyData(directory.resolve("data"), Storage.PLAIN);
        Outcome trained = InProcess.run(
                        "train",
                        "--data",
                        data,
                        "--engine",
                        "local",
                        "--iterations",
                        20,
                        "--out",
                        directory.resolve("run"))
                .succeeded();
        Path npz = directory.resolve("model.npz");
        InProcess.run("export", "--model", directory.resolve("run/model.safetensors"), "--format", "npz", "--out", npz)
                .succeeded();
        assertThat(Files.exists(npz)).isTrue();
        Outcome read = python(
                String.join(
                        "\n",
                        "import hashlib, numpy, sys",
                        "m = numpy.load(sys.argv[1])",
                        "names = ['W1', 'b1', 'W2', 'b2']",
                        "print([m[n].shape for n in names], {str(m[n].dtype) for n in names})",
                        "print(hashlib.sha256(b''.join(m[n].tobytes() for n in names)).hexdigest())"),
                npz);
        assertThat(read.succeeded().out())
                .isEqualTo("[(20, 50), (50,), (50, 10), (10,)] {'float32'}\n" + trained.weightsSha256() + "\n");
    }
}
