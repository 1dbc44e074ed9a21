package dev.lockstep.data;

import dev.lockstep.BadInputException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.UnsupportedFileSystemException;

/**
 * Finds any number of files of images, with their labels where those are known. A file's labels stand beside it under the
 * same name with {@code labels} for {@code images} and {@code idx1} for {@code idx3}; each is plain or gzip, with or without
 * {@code .gz} in its name.
 */
public final class ImageFiles {
    private static final String IMAGES = "images";
    private static final String LABELS = "labels";
    private static final String IMAGES_KIND = "idx3";
    private static final String LABELS_KIND = "idx1";

    private ImageFiles() {}

    /**
     * Finds files and reads their headers.
     *
     * @param conf where to find the filesystems; a path without a scheme is on the default one
     * @param names each a file of images, whatever it is called; or a pattern of such files as Hadoop's globs are, with files
     *     of labels passed over; or a directory, of which the files are taken whose names contain {@code idx3}
     *     (where there are {@code x} and {@code x.gz}, the first)
     * @return the files by ascending URI, each once
     * @throws BadInputException if there are none, or one is unreadable, no IDX file, empty, truncated or over-long, or has
     *     not as many labels as images
     * @throws java.io.UncheckedIOException if a filesystem fails
     */
    public static List<LabelledImages> find(Configuration conf, List<String> names) {
        SortedMap<String, LabelledImages> found = new TreeMap<>();
        for (String name : names) {
            try {
                Path path = new Path(name);
                FileSystem fs = path.getFileSystem(conf);
                for (FileStatus status : files(fs, fs.makeQualified(path), name)) {
                    String uri = status.getPath().toString();
                    if (!found.containsKey(uri)) {
                        IdxFile images = IdxFile.describe(fs, status);
                        found.put(uri, LabelledImages.open(conf, images, labels(fs, status.getPath())));
                    }
                }
            } catch (UnsupportedFileSystemException | IllegalArgumentException e) {
                throw new BadInputException(
                        "data '" + name + "': expected a path or URI, found: " + IdxFile.firstLine(e), e);
            } catch (IOException e) {
                throw IdxFile.translate(name, e);
            }
        }
        return List.copyOf(found.values());
    }

    private static List<FileStatus> files(FileSystem fs, Path path, String name) throws IOException {
        FileStatus plain = IdxFile.statusOrNull(fs, path);
        if (plain != null) {
            return plain.isDirectory() ? filesIn(fs, path) : List.of(plain);
        }
        FileStatus[] matches = fs.globStatus(path);
        List<FileStatus> files = new ArrayList<>();
        for (FileStatus match : matches == null ? new FileStatus[0] : matches) {
            if (match.isDirectory()) {
                files.addAll(filesIn(fs, match.getPath()));
            } else if (!match.getPath().getName().contains(LABELS_KIND)) {
                files.add(match);
            }
        }
        if (files.isEmpty()) {
            throw new BadInputException(
                    "data " + name + ": expected a directory, a file of images or a pattern of them, found nothing");
        }
        return files;
    }

    private static List<FileStatus> filesIn(FileSystem fs, Path directory) throws IOException {
        SortedMap<String, FileStatus> images = new TreeMap<>();
        for (FileStatus status : fs.listStatus(directory)) {
            String name = status.getPath().getName();
            if (status.isFile() && name.contains(IMAGES_KIND) && !name.startsWith(".") && !name.startsWith("_")) {
                images.put(name, status);
            }
        }
        images.keySet()
                .removeIf(name -> name.endsWith(IdxFile.GZIP_SUFFIX) && images.containsKey(withoutGzipSuffix(name)));
        if (images.isEmpty()) {
            throw new BadInputException("data directory " + directory + ": expected files of images, with "
                    + IMAGES_KIND + " in their names as in train-images-idx3-ubyte.gz, found none");
        }
        return List.copyOf(images.values());
    }

    /** The labels of a file of images; null if there are none. */
    private static IdxFile labels(FileSystem fs, Path images) throws IOException {
        String name = withoutGzipSuffix(images.getName());
        String labels = name.replace(IMAGES, LABELS).replace(IMAGES_KIND, LABELS_KIND);
        return labels.equals(name) ? null : IdxFile.findOrNull(fs, images.getParent(), labels);
    }

    private static String withoutGzipSuffix(String name) {
        return name.endsWith(IdxFile.GZIP_SUFFIX)
                ? name.substring(0, name.length() - IdxFile.GZIP_SUFFIX.length())
                : name;
    }
}
