package dev.lockstep.data;

import dev.lockstep.BadInputException;
import java.io.Serializable;
import java.util.Objects;
import org.apache.hadoop.conf.Configuration;

/**
 * One labelled set of images: two IDX files on any Hadoop filesystem, and the shape that their headers tell. It holds
 * names and numbers only, so it travels to whoever reads a part of it.
 *
 * @param imagesUri qualified name of the images, fit for {@code new Path(String)}
 * @param imagesGzip whether the images' content is gzip
 * @param labelsUri qualified name of the labels
 * @param labelsGzip whether the labels' content is gzip
 * @param examples number of images and of labels, at least 1
 * @param rows rows of an image, at least 1
 * @param columns columns of an image, at least 1
 */
public record LabelledImages(
        String imagesUri, boolean imagesGzip, String labelsUri, boolean labelsGzip, int examples, int rows, int columns)
        implements Serializable {
    /** The stem of the training set's files. */
    public static final String TRAIN = "train";
    /** The stem of the test set's files. */
    public static final String TEST = "t10k";

    /** Checks that there is something in it. */
    public LabelledImages {
        Objects.requireNonNull(imagesUri);
        Objects.requireNonNull(labelsUri);
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
        IdxFile images = IdxFile.find(conf, directory, stem + "-images-idx3-ubyte");
        IdxFile labels = IdxFile.find(conf, directory, stem + "-labels-idx1-ubyte");
        byte[] start = new byte[IdxHeader.IMAGES_HEADER_BYTES];
        IdxHeader imagesHeader = IdxHeader.parseImages(start, images.readStart(conf, start), images.uri());
        images.requireLength(imagesHeader);
        start = new byte[IdxHeader.LABELS_HEADER_BYTES];
        IdxHeader labelsHeader = IdxHeader.parseLabels(start, labels.readStart(conf, start), labels.uri());
        labels.requireLength(labelsHeader);
        if (imagesHeader.examples() != labelsHeader.examples()) {
            throw new BadInputException(labels.uri() + ": number of examples at byte " + IdxHeader.EXAMPLES_OFFSET
                    + ": expected " + imagesHeader.examples() + " as in " + images.uri() + ", found "
                    + labelsHeader.examples());
        }
        return new LabelledImages(
                images.uri(),
                images.gzip(),
                labels.uri(),
                labels.gzip(),
                imagesHeader.examples(),
                imagesHeader.rows(),
                imagesHeader.columns());
    }

    /** Pixels of an image: rows x columns. */
    public int pixels() {
        return rows * columns;
    }

    IdxHeader imagesHeader() {
        return new IdxHeader(IdxHeader.IMAGES_MAGIC, examples, rows, columns);
    }

    IdxHeader labelsHeader() {
        return new IdxHeader(IdxHeader.LABELS_MAGIC, examples, 1, 1);
    }
}
