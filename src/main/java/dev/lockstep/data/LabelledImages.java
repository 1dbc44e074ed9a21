package dev.lockstep.data;

import dev.lockstep.BadInputException;
import java.util.List;
import java.util.Objects;
import org.apache.hadoop.conf.Configuration;

/**
 * One set of images with its labels: two IDX files on any Hadoop filesystem, and the shape that their headers tell. It holds
 * names and numbers only, so it travels to whoever reads a part of it. {@link ImageFiles} also finds images of which nobody
 * knows the labels.
 *
 * @param imagesUri qualified name of the images, fit for {@code new Path(String)}
 * @param imagesGzip whether the images' content is gzip
 * @param labelsUri qualified name of the labels; null if there are none
 * @param labelsGzip whether the labels' content is gzip
 * @param examples number of images and of labels, at least 1
 * @param rows rows of an image, at least 1
 * @param columns columns of an image, at least 1
 */
public record LabelledImages(
        String imagesUri, boolean imagesGzip, String labelsUri, boolean labelsGzip, int examples, int rows, int columns)
        implements LabelledRows {
    /** The stem of the training set's files. */
    public static final String TRAIN = "train";
    /** The stem of the test set's files. */
    public static final String TEST = "t10k";

    /** Checks that there is something in it. */
    public LabelledImages {
        Objects.requireNonNull(imagesUri);
        if (examples < 1 || rows < 1 || columns < 1 || (long) rows * columns > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("images [" + examples + ", " + rows + ", " + columns + "]");
        }
    }

    /**
     * Finds the two files of a set, {@code <stem>-images-idx3-ubyte} and {@code <stem>-labels-idx1-ubyte}, each under
     * that name or with {@code .gz} (the first wins if both are there); content, not name, says which is gzip.
     * Reads the headers only, and checks the length of plain files against them.
     *
     * @param conf where to find the filesystem; a path without a scheme is on its default filesystem
     * @param directory path or URI of the directory that holds the files
     * @param stem {@link #TRAIN} or {@link #TEST}
     * @throws BadInputException if a file is missing, unreadable, no IDX file, empty, truncated or over-long, or if
     *     there are not as many images as labels
     * @throws java.io.UncheckedIOException if the filesystem fails
     */
    public static LabelledImages open(Configuration conf, String directory, String stem) {
        return open(
                conf,
                IdxFile.find(conf, directory, stem + "-images-idx3-ubyte"),
                IdxFile.find(conf, directory, stem + "-labels-idx1-ubyte"));
    }

    /**
     * Reads the headers, as {@link #open(Configuration, String, String)} does.
     *
     * @param labels null if there are none
     */
    static LabelledImages open(Configuration conf, IdxFile images, IdxFile labels) {
        byte[] start = new byte[IdxHeader.IMAGES_HEADER_BYTES];
        IdxHeader header = IdxHeader.parseImages(start, images.readStart(conf, start), images.uri());
        images.requireLength(header);
        if (labels != null) {
            checkLabels(conf, images, header, labels);
        }
        return new LabelledImages(
                images.uri(),
                images.gzip(),
                labels == null ? null : labels.uri(),
                labels != null && labels.gzip(),
                header.examples(),
                header.rows(),
                header.columns());
    }

    private static void checkLabels(Configuration conf, IdxFile images, IdxHeader imagesHeader, IdxFile labels) {
        byte[] start = new byte[IdxHeader.LABELS_HEADER_BYTES];
        IdxHeader labelsHeader = IdxHeader.parseLabels(start, labels.readStart(conf, start), labels.uri());
        labels.requireLength(labelsHeader);
        if (imagesHeader.examples() != labelsHeader.examples()) {
            throw new BadInputException(labels.uri() + ": number of examples at byte " + IdxHeader.EXAMPLES_OFFSET
                    + ": expected " + imagesHeader.examples() + " as in " + images.uri() + ", found "
                    + labelsHeader.examples());
        }
    }

    /** Whether the labels are known. */
    public boolean hasLabels() {
        return labelsUri != null;
    }

    /** Pixels of an image: rows x columns. */
    public int pixels() {
        return rows * columns;
    }

    @Override
    public int inputs() {
        return pixels();
    }

    /** The images' file. */
    @Override
    public String name() {
        return imagesUri;
    }

    /** As {@link ShardReader#read}: in one pass over each file. */
    @Override
    public List<Shard> read(Configuration conf, List<ShardRange> ranges, int classes) {
        return ShardReader.read(conf, this, ranges, classes);
    }

    IdxHeader imagesHeader() {
        return new IdxHeader(IdxHeader.IMAGES_MAGIC, examples, rows, columns);
    }

    IdxHeader labelsHeader() {
        return new IdxHeader(IdxHeader.LABELS_MAGIC, examples, 1, 1);
    }
}
