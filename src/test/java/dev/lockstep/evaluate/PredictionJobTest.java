package dev.lockstep.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.ImageFiles;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Shard;
import dev.lockstep.data.ShardRange;
import dev.lockstep.data.ShardReader;
import dev.lockstep.evaluate.PredictionJob.Format;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.memory.MemoryGauge;
import dev.lockstep.net.Initializer;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.TwoLayerNet;
import dev.lockstep.net.Workspace;
import dev.lockstep.step.Await;
import dev.lockstep.step.SmallSet;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.hadoop.util.HadoopInputFile;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class PredictionJobTest {
    private static final long SEED = 21;
    private static final NetworkShape SHAPE = new NetworkShape(9, 5, 3);
    private static final Activation ACTIVATION = Activation.TANH;
    /** Several chunks, the last of them with some examples more than whole batches. */
    private static final int EXAMPLES = 2_503;

    /** Given, since Spark would find it out by a job that sends classes which no command of ours sends. */
    private static final String SCHEMA =
            "file string, number int, label int, prediction int, p0 float, p1 float, p2 float";

    @TempDir
    Path directory;

    private Path data;
    private long blocksBefore;

    @BeforeEach
    void write() throws IOException {
        data = Files.createDirectory(directory.resolve("data"));
        IdxWriter.random(SEED, EXAMPLES, 3, 3, 3, 0.5).write(data, "a", Storage.PLAIN);
        IdxWriter.random(SEED + 1, 1_300, 3, 3, 250, 0.5).write(data, "b", Storage.GZIP);
        IdxWriter.random(SEED + 2, 40, 3, 3, 3, 0).write(data, "c", Storage.PLAIN);
        Files.delete(data.resolve(IdxWriter.labelsName("c")));
        blocksBefore = MemoryGauge.process().blocksInUse();
    }

    private static Parameters weights() {
        Parameters weights = new Parameters(SHAPE);
        Initializer.NORMAL.initialize(weights, 2, SEED);
        return weights;
    }

    private List<LabelledImages> files() {
        return ImageFiles.find(SmallSet.conf(), List.of(data.toString()));
    }

    /** The rows, one image at a time in this thread, on plain loops. */
    private List<String> expected() {
        TwoLayerNet net = new TwoLayerNet(SHAPE, ACTIVATION, Loss.CROSS_ENTROPY, KernelChoice.SCALAR.kernels());
        List<String> rows = new ArrayList<>();
        try (Parameters weights = weights();
                SparseBatch batch = new SparseBatch(SHAPE.inputs(), 1, SHAPE.inputs());
                Workspace workspace = new Workspace(SHAPE, batch)) {
            for (LabelledImages file : files()) {
                try (Shard shard = ShardReader.read(
                                SmallSet.conf(), file, List.of(new ShardRange(0, file.examples())), 256)
                        .get(0)) {
                    for (int row = 0; row < shard.examples(); row++) {
                        batch.clear();
                        shard.copyRow(row, batch);
                        int[] prediction = new int[1];
                        FloatMatrix y = net.predict(weights, batch, workspace, prediction);
                        rows.add("[" + file.imagesUri() + "," + row + ","
                                + (file.hasLabels() ? shard.label(row) : null) + "," + prediction[0] + "," + y.get(0, 0)
                                + "," + y.get(0, 1) + "," + y.get(0, 2) + "]");
                    }
                }
            }
        }
        return rows;
    }

    private JavaSparkContext spark() {
        return new JavaSparkContext(SmallSet.spark("local[2]"));
    }

    private PredictionJob.Predicted predict(JavaSparkContext spark, int tasks, Format format, Path out) {
        return predict(spark, tasks, format, out.toString());
    }

    private PredictionJob.Predicted predict(JavaSparkContext spark, int tasks, Format format, String out) {
        try (Parameters weights = weights()) {
            return PredictionJob.run(
                    spark, weights, ACTIVATION, Loss.CROSS_ENTROPY, KernelChoice.AUTO, files(), tasks, format, out);
        }
    }

    private static List<Path> parts(Path out) throws IOException {
        try (Stream<Path> files = Files.list(out)) {
            return files.filter(file -> file.getFileName().toString().startsWith("part-"))
                    .sorted()
                    .toList();
        }
    }

    /** The rows of all files in the order of their names. */
    private static List<String> rows(Path out, Format format) throws IOException {
        List<String> rows = new ArrayList<>();
        for (Path part : parts(out)) {
            DataFrameReader reader = SparkSession.active().read().schema(SCHEMA).option("header", true);
            String name = part.toString();
            List<Row> read = switch (format) {
                case PARQUET -> reader.parquet(name).collectAsList();
                case CSV -> reader.csv(name).collectAsList();
                case JSON -> reader.json(name).collectAsList();
            };
            read.forEach(row -> rows.add(row.toString()));
        }
        return rows;
    }

    @Test
    void rowsAreThoseOfTheLocalNetworkInOrderForAnyNumberOfTasks() throws IOException {
        List<String> expected = expected();
        assertThat(expected).hasSize(EXAMPLES + 1_340);
        try (JavaSparkContext spark = spark()) {
            for (int tasks : new int[] {1, 2, 5}) {
                Path out = directory.resolve("out" + tasks);
                long began = System.nanoTime();
                PredictionJob.Predicted predicted = predict(spark, tasks, Format.PARQUET, out);
                double seconds = (System.nanoTime() - began) / 1e9;
                assertThat(rows(out, Format.PARQUET)).as("%d tasks", tasks).isEqualTo(expected);
                assertThat(predicted.examples()).isEqualTo(expected.size());
                assertThat(predicted.seconds()).isBetween(1e-6, seconds);
                assertThat(predicted.loopSeconds()).isBetween(1e-3, seconds + 1e-3); // clocks of milliseconds
                assertThat(predicted.computingSeconds()).isBetween(1e-6, predicted.loopSeconds());
                // Of five the gzip file's beginning falls to the fourth, and the fifth has what is behind it.
                assertThat(parts(out)).as("files of %d tasks", tasks).hasSize(tasks);
            }
            predict(spark, 2, Format.CSV, directory.resolve("csv"));
            assertThat(rows(directory.resolve("csv"), Format.CSV)).isEqualTo(expected);
            assertThat(Files.readAllLines(parts(directory.resolve("csv")).get(1))
                            .get(0))
                    .isEqualTo("file,number,label,prediction,p0,p1,p2");
            predict(spark, 2, Format.JSON, directory.resolve("json"));
            assertThat(rows(directory.resolve("json"), Format.JSON)).isEqualTo(expected);
            assertThat(Files.readAllLines(parts(directory.resolve("json")).get(1)))
                    .last()
                    .asString()
                    .contains("\"number\":39,\"label\":null,\"prediction\":");
            Await.offHeapBlocks(blocksBefore);
        }
    }

    @Test
    void noTaskIsLeftToRunAlone() {
        assertThat(PredictionJob.pieces(2_400_000, 2, 1_000_000)).isEqualTo(4);
        assertThat(PredictionJob.pieces(2_000_000, 2, 1_000_000)).isEqualTo(2);
        assertThat(PredictionJob.pieces(3, 8, 1_000_000))
                .as("no task without any")
                .isEqualTo(3);
        assertThat(PredictionJob.pieces(9_000_000_000L, 7, 1_000_000)).isEqualTo(9_002);
    }

    @Test
    void parquetKeepsDictionariesOnlyWhereValuesComeAgain() throws IOException {
        try (JavaSparkContext spark = spark()) {
            Path out = directory.resolve("out");
            predict(spark, 1, Format.PARQUET, out);
            try (ParquetFileReader reader = ParquetFileReader.open(HadoopInputFile.fromPath(
                    new org.apache.hadoop.fs.Path(parts(out).get(0).toUri()), SmallSet.conf()))) {
                List<String> dictionaries = reader.getFooter().getBlocks().get(0).getColumns().stream()
                        .filter(ColumnChunkMetaData::hasDictionaryPage)
                        .map(column -> column.getPath().toDotString())
                        .toList();
                assertThat(dictionaries).contains("file").doesNotContain("p0", "p1", "p2");
            }
        }
    }

    @Test
    void damageComesOutAsOneLineWithoutRetries() throws IOException, TimeoutException {
        Path gzip = data.resolve(IdxWriter.imagesName("b") + ".gz");
        byte[] content = Files.readAllBytes(gzip);
        content[content.length - 8] ^= 1;
        Files.write(gzip, content);
        AtomicInteger failed = new AtomicInteger();
        try (JavaSparkContext spark = spark()) {
            spark.sc().addSparkListener(new SparkListener() {
                @Override
                public void onTaskEnd(SparkListenerTaskEnd end) {
                    failed.addAndGet(end.taskInfo().successful() ? 0 : 1);
                }
            });
            Throwable thrown = catchThrowable(() -> predict(spark, 2, Format.PARQUET, directory.resolve("out")));
            assertThat(thrown).isInstanceOf(BadInputException.class);
            assertThat(thrown.getMessage())
                    .contains(gzip.toString(), "corrupt gzip", "expected CRC")
                    .doesNotContain("\n");
            spark.sc().listenerBus().waitUntilEmpty();
            assertThat(failed.get()).as("tasks that failed").isZero();
            Await.offHeapBlocks(blocksBefore);
        }
    }

    /** Local files, of which this machine does not see what the second task has left on another. */
    public static final class ApartFileSystem extends RawLocalFileSystem {
        @Override
        public URI getUri() {
            return URI.create("apart:///");
        }

        @Override
        public String getScheme() {
            return "apart";
        }

        @Override
        public FileStatus[] listStatus(org.apache.hadoop.fs.Path path) throws IOException {
            return Arrays.stream(super.listStatus(path))
                    .filter(file -> !file.getPath().getName().endsWith("_000001"))
                    .toArray(FileStatus[]::new);
        }
    }

    @Test
    void filesThatExecutorsHaveOnTheirOwnDisksAreMissed() {
        try (JavaSparkContext spark = spark()) {
            spark.hadoopConfiguration().setClass("fs.apart.impl", ApartFileSystem.class, FileSystem.class);
            spark.hadoopConfiguration().setBoolean("fs.apart.impl.disable.cache", true);
            String out = "apart://" + directory.resolve("out");
            assertThatThrownBy(() -> predict(spark, 2, Format.CSV, out))
                    .isInstanceOf(BadInputException.class)
                    .hasMessage(out + ": expected the files of 2 tasks, found 1;"
                            + " the output must be on a file system that all executors share");
        }
    }

    /** What a task holds does not grow with its files, and all of it goes when the task ends before its rows do. */
    @Test
    void memoryIsBounded() {
        int examples = 20_000;
        IdxWriter.random(SEED, examples, 20, 20, 3, 1).write(data, "large", Storage.GZIP);
        List<LabelledImages> files =
                ImageFiles.find(SmallSet.conf(), List.of(data.resolve("large-images-idx3-ubyte.gz") + ""));
        long bytesBefore = MemoryGauge.process().bytesInUse();
        NetworkShape shape = new NetworkShape(400, 4, 3);
        try (Parameters weights = new Parameters(shape)) {
            TwoLayerNet net = new TwoLayerNet(shape, ACTIVATION, Loss.CROSS_ENTROPY, KernelChoice.AUTO.kernels());
            PredictionRows rows = new PredictionRows(
                    SmallSet.conf(), files, FilePiece.split(files, 1).get(0), net, weights, message -> {
                        throw new AssertionError(message);
                    });
            long most = 0;
            for (int i = 0; i < examples - 10; i++) {
                assertThat(rows.next().getNumber()).isEqualTo(i);
                most = Math.max(most, MemoryGauge.process().bytesInUse() - bytesBefore);
            }
            assertThat(most).as("of the %d bytes of all images", examples * 400).isBetween(400_000L, 2_000_000L);
            rows.close();
        }
    }
}
