package dev.lockstep.ml;

import dev.lockstep.BadInputException;
import dev.lockstep.data.StagedPart;
import dev.lockstep.data.StagedRows;
import dev.lockstep.data.StagedRowsWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Iterator;
import java.util.List;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.ml.linalg.DenseVector;
import org.apache.spark.ml.linalg.SparseVector;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.util.SerializableConfiguration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Copies the rows of a DataFrame into files that every executor can read, one a partition, in one job. A file has a name of
 * its own for each attempt of a task, and the driver knows those of the attempts that Spark took: no other is ever read. Owns
 * the directory, which nobody but its user may enter, until it is closed.
 */
final class Staging implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Staging.class);
    private static final int MAX_CLASSES = 256;

    private final JavaSparkContext spark;
    private final FileSystem fs;
    private final Path directory;

    /**
     * Makes the directory.
     *
     * @param wanted where it is to be; empty for the place that fits
     * @throws BadInputException if there is no place that all executors are known to reach, or it cannot be made
     */
    Staging(JavaSparkContext spark, String wanted) {
        this.spark = spark;
        Configuration hadoop = spark.hadoopConfiguration();
        String root = wanted.isEmpty() ? place(spark, hadoop) : wanted;
        try {
            Path path = new Path(root, "lockstep-rows-" + UUID.randomUUID());
            this.fs = path.getFileSystem(hadoop);
            this.directory = fs.makeQualified(path);
            if (!fs.mkdirs(directory, new FsPermission("700"))) {
                throw new IOException(directory + " cannot be made");
            }
            fs.deleteOnExit(directory); // should this process end before it comes to close
        } catch (IOException | IllegalArgumentException e) {
            throw new BadInputException("stagingDirectory " + root + ": cannot be used: " + e.getMessage(), e);
        }
    }

    /** A directory that all executors reach. */
    private static String place(JavaSparkContext spark, Configuration hadoop) {
        if (spark.getCheckpointDir().isPresent()) {
            return spark.getCheckpointDir().get();
        }
        try {
            FileSystem byDefault = FileSystem.get(hadoop);
            if (!byDefault.getUri().getScheme().equals("file")) {
                return byDefault.getHomeDirectory().toString();
            }
        } catch (IOException e) {
            throw new UncheckedIOException("the default filesystem cannot be reached: " + e.getMessage(), e);
        }
        String master = spark.master();
        if (!master.startsWith("local")
                && !master.startsWith("spark://127.")
                && !master.startsWith("spark://localhost")) {
            throw new BadInputException(
                    "stagingDirectory: expected a directory on a filesystem that all executors reach,"
                            + " found none: set it, or SparkContext.setCheckpointDir, or spark.hadoop.fs.defaultFS");
        }
        String local = spark.getConf().get("spark.local.dir", System.getProperty("java.io.tmpdir"));
        return new Path("file", null, local.split(",")[0].trim()).toString();
    }

    /**
     * Copies the rows.
     *
     * @param labels name of a column of doubles
     * @param features name of a column of vectors
     * @throws BadInputException if there is no row, or one cannot be trained with
     */
    StagedRows stage(Dataset<?> dataset, String labels, String features) {
        Broadcast<SerializableConfiguration> conf = SerializableConfiguration.broadcast(spark.sc());
        try {
            List<StagedPart> parts = dataset.select(functions.col(labels), functions.col(features))
                    .toJavaRDD()
                    .mapPartitionsWithIndex(task(directory.toString(), labels, features, conf), true)
                    .collect();
            return rows(parts, "rows of " + String.join(", ", labels, features), features);
        } finally {
            conf.destroy();
        }
    }

    private static StagedRows rows(List<StagedPart> parts, String name, String features) {
        long first = 0;
        int inputs = 0;
        for (StagedPart part : parts) {
            if (part.rows() > 0 && inputs != 0 && part.inputs() != inputs) {
                throw fault(first, width(features, inputs, part.inputs()));
            }
            inputs = Math.max(inputs, part.inputs());
            first += part.rows();
            if (part.fault().isPresent()) {
                throw fault(first, part.fault().get());
            }
        }
        if (first == 0) {
            throw new BadInputException("the DataFrame: expected at least one row, found none");
        }
        if (first > Integer.MAX_VALUE) {
            throw new BadInputException(
                    "the DataFrame: expected at most " + Integer.MAX_VALUE + " rows, found " + first);
        }
        return new StagedRows(name, inputs, parts);
    }

    private static BadInputException fault(long row, String what) {
        return new BadInputException("row " + row + " of the DataFrame (from 0, in the order of collect()), " + what);
    }

    private static String width(String features, int expected, int found) {
        return "column " + features + ": expected a vector of " + expected
                + " elements as in the rows before, found one of " + found;
    }

    /** Made by a static method, so that it carries its arguments and not this object. */
    private static Function2<Integer, Iterator<Row>, Iterator<StagedPart>> task(
            String directory, String labels, String features, Broadcast<SerializableConfiguration> conf) {
        return (partition, rows) -> {
            long attempt = TaskContext.get().taskAttemptId();
            String uri = directory + "/part-" + partition + "-" + attempt;
            try (StagedRowsWriter writer = new StagedRowsWriter(conf.value().value(), uri)) {
                String fault = null;
                while (fault == null && rows.hasNext()) {
                    fault = write(rows.next(), labels, features, writer);
                }
                return List.of(writer.finish(fault)).iterator();
            }
        };
    }

    /** Writes a row, or says what is wrong with it. */
    private static String write(Row row, String labels, String features, StagedRowsWriter writer) {
        double label = row.isNullAt(0) ? Double.NaN : row.getDouble(0);
        if (!(label >= 0 && label < MAX_CLASSES && label == (int) label)) {
            return "column " + labels + ": expected a class, a whole number from 0 to " + (MAX_CLASSES - 1) + ", found "
                    + (row.isNullAt(0) ? "null" : label);
        }
        if (row.isNullAt(1)) {
            return "column " + features + ": expected a vector, found null";
        }
        Vector vector = row.getAs(1);
        if (vector.size() == 0 || writer.rows() > 0 && vector.size() != writer.inputs()) {
            return vector.size() == 0
                    ? "column " + features + ": expected a vector, found one without elements"
                    : width(features, writer.inputs(), vector.size());
        }
        if (vector instanceof SparseVector sparse) {
            int bad = notFinite(sparse.values());
            if (bad >= 0) {
                return notFinite(features, sparse.indices()[bad], sparse.values()[bad]);
            }
            writer.add((int) label, sparse.size(), sparse.indices(), sparse.values());
        } else {
            double[] values = ((DenseVector) vector).values();
            int bad = notFinite(values);
            if (bad >= 0) {
                return notFinite(features, bad, values[bad]);
            }
            writer.add((int) label, values);
        }
        return null;
    }

    /** Where the first number stands that is not finite as float32; -1 if all are. */
    private static int notFinite(double[] values) {
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite((float) values[i])) {
                return i;
            }
        }
        return -1;
    }

    private static String notFinite(String features, int element, double value) {
        return "column " + features + ", element " + element
                + ": expected a finite number that float32 can hold, found " + value;
    }

    /** Removes the directory and all that is in it. */
    @Override
    public void close() {
        try {
            if (fs.delete(directory, true) || !fs.exists(directory)) {
                fs.cancelDeleteOnExit(directory);
            } else {
                LOG.warn("{}: cannot be removed yet; this process removes it at its end", directory);
            }
        } catch (IOException e) {
            LOG.warn("{}: cannot be removed: {}", directory, e.getMessage()); // the weights are trained all the same
        }
    }
}
