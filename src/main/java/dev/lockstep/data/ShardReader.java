package dev.lockstep.data;

import dev.lockstep.BadInputException;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;

/**
 * Reads shards from the files of a set, one after the other. Of plain files it reads the wanted ranges and nothing else; gzip
 * files, which have no way in from the middle, are inflated once from the beginning to the last wanted example. On
 * the heap it needs about {@value #IMAGE_BUFFER_BYTES} bytes, off it up to about the size of the largest shard, beside the
 * shards themselves. One thread.
 */
public final class ShardReader implements AutoCloseable {
    private static final int IMAGE_BUFFER_BYTES = 1 << 20;
    private static final int LABEL_BUFFER_BYTES = 1 << 16;
    private static final int MAX_CLASSES = 256;

    private final LabelledImages files;
    private final int classes;
    private final IdxContent images;
    private final IdxContent labels; // null if there are none
    private final ShardBuilder builder;
    private int end;

    private ShardReader(LabelledImages files, int classes, IdxContent images, IdxContent labels, long maxShardBytes) {
        this.files = files;
        this.classes = classes;
        this.images = images;
        this.labels = labels;
        this.builder = new ShardBuilder(files.name(), files.rows(), files.columns(), false, maxShardBytes);
    }

    /**
     * Opens the files.
     *
     * @param conf where to find the filesystem
     * @param files the set, as {@link LabelledImages#open} or {@link ImageFiles#find} found it; without labels, all are 0
     * @param classes labels are 0 to classes - 1; at most 256
     * @throws BadInputException if a file is gone or may not be read
     * @throws java.io.UncheckedIOException if the filesystem fails
     * @throws IllegalArgumentException if classes is not 1 to 256
     */
    public static ShardReader open(Configuration conf, LabelledImages files, int classes) {
        return open(conf, files, classes, ShardLayout.MAX_BYTES);
    }

    private static ShardReader open(Configuration conf, LabelledImages files, int classes, long maxShardBytes) {
        requireClasses(classes);
        IdxContent images = IdxContent.open(
                conf,
                files.imagesUri(),
                files.imagesGzip(),
                files.imagesHeader().contentBytes(),
                IMAGE_BUFFER_BYTES);
        IdxContent labels = null;
        try {
            if (files.hasLabels()) {
                labels = IdxContent.open(
                        conf,
                        files.labelsUri(),
                        files.labelsGzip(),
                        files.labelsHeader().contentBytes(),
                        LABEL_BUFFER_BYTES);
            }
            return new ShardReader(files, classes, images, labels, maxShardBytes);
        } catch (Throwable e) {
            close(labels);
            close(images);
            throw e;
        }
    }

    /**
     * Reads one shard for each range, in one pass over each file.
     *
     * @param ranges as {@link #next} takes them, one after the other
     * @return the shards in the order of the ranges; the caller owns them and closes each. If this method throws,
     *     none is left. It throws what {@link #open} and {@link #next} throw.
     */
    public static List<Shard> read(Configuration conf, LabelledImages files, List<ShardRange> ranges, int classes) {
        return read(conf, files, ranges, classes, ShardLayout.MAX_BYTES);
    }

    static List<Shard> read(
            Configuration conf, LabelledImages files, List<ShardRange> ranges, int classes, long maxShardBytes) {
        List<Shard> shards = new ArrayList<>(ranges.size());
        try (ShardReader reader = open(conf, files, classes, maxShardBytes)) {
            for (ShardRange range : ranges) {
                shards.add(reader.next(range));
            }
            return shards;
        } catch (Throwable e) {
            // Nobody else knows of these shards yet, whatever went wrong, an OutOfMemoryError included.
            shards.forEach(Shard::close);
            throw e;
        }
    }

    /**
     * Reads a shard. Whoever reads the last example of a gzip file also checks that nothing follows and that its CRC is
     * right.
     *
     * @param range does not begin before the end of the one before; it may be empty and leave a gap
     * @return the shard, which the caller owns
     * @throws BadInputException if a file is truncated, over-long or corrupt, if a label is out of range, or if the range
     *     makes a shard larger than one off-heap block can be
     * @throws java.io.UncheckedIOException if the filesystem fails
     * @throws IllegalArgumentException if the range is not one of the set, or not behind the one before
     */
    public Shard next(ShardRange range) {
        if (range.first() < end || range.end() > files.examples()) {
            throw new IllegalArgumentException(
                    "range: expected one of " + files.examples() + " examples from " + end + " on, found " + range);
        }
        end = range.end();
        builder.begin(range);
        if (range.count() > 0) {
            readRows(range);
            if (range.end() == files.examples()) {
                if (labels != null) {
                    labels.requireEnd();
                }
                images.requireEnd();
            }
        }
        return builder.finish();
    }

    @Override
    public void close() {
        builder.close();
        try {
            close(labels);
        } finally {
            close(images);
        }
    }

    private static void close(IdxContent content) {
        if (content != null) {
            content.close();
        }
    }

    private void readRows(ShardRange range) {
        IdxHeader imagesHeader = files.imagesHeader();
        IdxHeader labelsHeader = files.labelsHeader();
        if (labels != null) {
            labels.range(labelsHeader.offsetOf(range.first()), labelsHeader.offsetOf(range.end()));
        }
        images.range(imagesHeader.offsetOf(range.first()), imagesHeader.offsetOf(range.end()));
        for (int example = range.first(); example < range.end(); example++) {
            int label = labels == null ? 0 : labels.next();
            if (label >= classes) {
                throw new BadInputException(labels.file() + ": label of example " + example + " at "
                        + labels.place(labelsHeader.offsetOf(example)) + ": expected 0 to " + (classes - 1)
                        + " (see --classes), found " + label);
            }
            builder.beginRow(label);
            int left = files.pixels();
            while (left > 0) {
                int count = Math.min(left, images.available());
                builder.pixels(images.buffer(), images.from(), count);
                images.consume(count);
                left -= count;
            }
            builder.endRow();
        }
    }

    private static void requireClasses(int classes) {
        if (classes < 1 || classes > MAX_CLASSES) {
            throw new IllegalArgumentException("classes: expected 1 to " + MAX_CLASSES + ", found " + classes);
        }
    }

    /** Checks the arguments of {@link LabelledRows#read}. */
    static void require(List<ShardRange> ranges, int examples, int classes) {
        requireClasses(classes);
        int end = 0;
        for (ShardRange range : ranges) {
            if (range.first() < end || range.end() > examples) {
                throw new IllegalArgumentException("ranges: expected ascending ranges of " + examples
                        + " examples that do not overlap, found " + ranges);
            }
            end = range.end();
        }
    }
}
