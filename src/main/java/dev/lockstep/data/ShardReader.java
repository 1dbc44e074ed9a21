package dev.lockstep.data;

import dev.lockstep.BadInputException;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;

/**
 * Reads shards from the files of a labelled set. Of plain files it reads the wanted ranges and nothing else; gzip
 * files, which have no way in from the middle, are inflated once from the beginning to the last wanted example. On
 * the heap it needs about {@value #IMAGE_BUFFER_BYTES} bytes, off it the shards and up to about the size of the
 * largest of them again.
 */
public final class ShardReader {
    private static final int IMAGE_BUFFER_BYTES = 1 << 20;
    private static final int LABEL_BUFFER_BYTES = 1 << 16;
    private static final int MAX_CLASSES = 256;

    private ShardReader() {}

    /**
     * Reads one shard for each range, in one pass over each file. Whoever reads the last example of a gzip file also
     * checks that nothing follows and that its CRC is right.
     *
     * @param conf where to find the filesystem
     * @param files the set, as {@link LabelledImages#open} found it
     * @param ranges ascending and not overlapping; they may be empty and leave gaps
     * @param classes labels are 0 to classes - 1; at most 256
     * @return the shards in the order of the ranges; the caller owns them and closes each. If this method throws,
     *     none is left.
     * @throws BadInputException if a file is gone, truncated, over-long or corrupt, if a label is out of range, or if a
     *     range makes a shard larger than one off-heap block can be
     * @throws java.io.UncheckedIOException if the filesystem fails
     * @throws IllegalArgumentException if the ranges are not ascending ranges of the set, or classes is not 1 to 256
     */
    public static List<Shard> read(Configuration conf, LabelledImages files, List<ShardRange> ranges, int classes) {
        return read(conf, files, ranges, classes, ShardLayout.MAX_BYTES);
    }

    static List<Shard> read(
            Configuration conf, LabelledImages files, List<ShardRange> ranges, int classes, long maxShardBytes) {
        requireAscending(ranges, files.examples());
        if (classes < 1 || classes > MAX_CLASSES) {
            throw new IllegalArgumentException("classes: expected 1 to " + MAX_CLASSES + ", found " + classes);
        }
        List<Shard> shards = new ArrayList<>(ranges.size());
        try {
            readInto(shards, conf, files, ranges, classes, maxShardBytes);
            return shards;
        } catch (Throwable e) {
            // Nobody else knows of these shards yet, whatever went wrong, an OutOfMemoryError included.
            shards.forEach(Shard::close);
            throw e;
        }
    }

    private static void readInto(
            List<Shard> shards,
            Configuration conf,
            LabelledImages files,
            List<ShardRange> ranges,
            int classes,
            long maxShardBytes) {
        long imagesBytes = files.imagesHeader().contentBytes();
        long labelsBytes = files.labelsHeader().contentBytes();
        try (IdxContent images =
                        IdxContent.open(conf, files.imagesUri(), files.imagesGzip(), imagesBytes, IMAGE_BUFFER_BYTES);
                IdxContent labels =
                        IdxContent.open(conf, files.labelsUri(), files.labelsGzip(), labelsBytes, LABEL_BUFFER_BYTES);
                ShardBuilder builder = new ShardBuilder(files, maxShardBytes)) {
            boolean lastRead = false;
            for (ShardRange range : ranges) {
                builder.begin(range);
                if (range.count() > 0) {
                    readRows(builder, files, images, labels, range, classes);
                    lastRead = range.end() == files.examples();
                }
                shards.add(builder.finish());
            }
            if (lastRead) {
                labels.requireEnd();
                images.requireEnd();
            }
        }
    }

    private static void readRows(
            ShardBuilder builder,
            LabelledImages files,
            IdxContent images,
            IdxContent labels,
            ShardRange range,
            int classes) {
        IdxHeader imagesHeader = files.imagesHeader();
        IdxHeader labelsHeader = files.labelsHeader();
        labels.range(labelsHeader.offsetOf(range.first()), labelsHeader.offsetOf(range.end()));
        images.range(imagesHeader.offsetOf(range.first()), imagesHeader.offsetOf(range.end()));
        for (int example = range.first(); example < range.end(); example++) {
            int label = labels.next();
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

    private static void requireAscending(List<ShardRange> ranges, int examples) {
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
