package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.data.IdxWriter.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A search through submit/lockstep that is killed in one place, interrupted in another and gone on with in a third. */
class TuneIT {
    @TempDir
    Path directory;

    private Object[] words(Path data, Path out) {
        return new Object[] {
            "tune",
            "--data",
            data,
            "--trials",
            9,
            "--iterations",
            60_000,
            "--hidden",
            12,
            "--space",
            directory.resolve("space.properties"),
            "--out",
            out,
            "--resume"
        };
    }

    private static int lines(Path out) throws IOException {
        Path file = out.resolve("trials.jsonl");
        return Files.exists(file) ? Files.readAllLines(file).size() : 0;
    }

    private static Set<String> ends(Path out) throws IOException {
        Set<String> ends = new TreeSet<>();
        for (String line : Files.readAllLines(out.resolve("trials.jsonl"))) {
            ends.add(((ObjectNode) new ObjectMapper().readTree(line))
                    .without("seconds")
                    .toString());
        }
        return ends;
    }

    @Test
    void killedAndInterruptedItComesToTheSame() throws IOException {
        Path data = Snapshot.tinyData(directory.resolve("data"), Storage.GZIP);
        Files.writeString(
                directory.resolve("space.properties"),
                "learning-rate = log 0.01 0.5\noptimizer = choice sgd nesterov\n");
        Path out = directory.resolve("search");
        Programs programs = new Programs(directory.resolve("processes"));

        List<Object> cluster =
                new ArrayList<>(List.of("--master", "local-cluster[2,1,1024]", "--conf", "spark.ui.enabled=false"));
        cluster.addAll(List.of(words(data, out)));
        Programs.Running killed = programs.startLockstep(cluster.toArray());
        try {
            killed.await("two ends of trials", () -> lines(out) >= 2);
        } finally {
            killed.process().destroyForcibly();
        }
        assertThat(killed.outcome().status()).isEqualTo(128 + 9);

        int before = lines(out);
        Programs.Running interrupted = programs.startOnSpark(words(data, out));
        interrupted.await("another end of a trial", () -> lines(out) > before);
        interrupted.process().destroy(); // as Ctrl-C: the end of the process is asked for from outside
        Outcome stopped = interrupted.outcome();
        assertThat(stopped.status()).isEqualTo(128 + 15);
        assertThat(stopped.err()).contains("lockstep: stopped; ", "are kept; --resume goes on from there");

        InProcess.run(words(data, out)).succeeded();
        Path undisturbed = directory.resolve("undisturbed");
        InProcess.run(words(data, undisturbed)).succeeded();
        assertThat(ends(out)).hasSize(13).isEqualTo(ends(undisturbed));
        assertThat(out.resolve("best/model.safetensors"))
                .hasSameBinaryContentAs(undisturbed.resolve("best/model.safetensors"));
    }
}
