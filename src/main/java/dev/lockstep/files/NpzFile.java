package dev.lockstep.files;

import dev.lockstep.BadInputException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.CheckedOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/**
 * Reads and writes NumPy's .npz: a zip archive with one .npy array a tensor, called as the tensor and {@code .npy}. Both
 * ways go through the stream once; neither closes it. No state: any thread may call.
 */
public final class NpzFile {
    /**
     * Most that the values of an archive may take: this, or {@link #MAX_EXPANSION} times the length of the archive,
     * whichever is more. Deflate can claim a thousandfold; weights do not shrink so, save for zeros in small arrays.
     */
    private static final long SMALL_VALUES_BYTES = 64L << 20;

    /** Largest ratio of values to archive above {@link #SMALL_VALUES_BYTES}. */
    private static final long MAX_EXPANSION = 100;

    private NpzFile() {}

    /**
     * Writes an archive of float32 arrays in C order. Equal tensors give equal bytes: entries are stored, for deflated
     * bytes depend on the version of zlib, and carry one fixed time.
     *
     * @param out left open, not flushed
     * @param tensors in this order, each name once
     * @throws IllegalArgumentException if two tensors have one name, or a name is too long for a zip archive
     * @throws IOException if the stream refuses the bytes
     */
    public static void write(OutputStream out, List<Tensor> tensors) throws IOException {
        ZipOutputStream zip = new ZipOutputStream(out);
        zip.setMethod(ZipOutputStream.STORED);
        Set<String> names = new HashSet<>();
        for (Tensor tensor : tensors) {
            if (!names.add(tensor.name())) {
                throw new IllegalArgumentException("two tensors are called " + TensorFileFault.quoted(tensor.name()));
            }
            CheckedOutputStream sum = new CheckedOutputStream(OutputStream.nullOutputStream(), new CRC32());
            NpyArray.write(sum, tensor);
            ZipEntry entry = new ZipEntry(tensor.name() + NpyLayout.ENTRY_SUFFIX);
            // Local time, without a zone. The first instant of 1980 would do for NumPy, but Java would add a field
            // with the zone of the machine to it.
            entry.setTimeLocal(LocalDateTime.of(1980, 2, 1, 0, 0));
            entry.setSize(NpyArray.lengthBytes(tensor));
            entry.setCrc(sum.getChecksum().getValue());
            zip.putNextEntry(entry);
            NpyArray.write(zip, tensor);
            zip.closeEntry();
        }
        zip.finish();
    }

    /**
     * Reads a whole archive. Takes arrays of float32 and float64 (rounded to float32), of either byte order, in C or
     * Fortran order, stored or deflated. Memory is bounded by the length of the archive, whatever its headers claim.
     *
     * @param name of the file, for messages
     * @param in at the first byte; left open, at the end
     * @param fileLengthBytes as the file system tells it
     * @return the tensors in the order of the archive, row-major
     * @throws BadInputException if the archive is damaged, truncated, or holds anything else
     * @throws IOException if the stream cannot be read
     */
    public static List<Tensor> read(String name, InputStream in, long fileLengthBytes) throws IOException {
        NpzTail tail = new NpzTail(in);
        List<Tensor> tensors = new ArrayList<>();
        // Closing frees the inflater; the tail keeps the caller's stream open.
        try (ZipInputStream zip = new ZipInputStream(tail)) {
            Set<String> names = new HashSet<>();
            long limitBytes =
                    Math.max(SMALL_VALUES_BYTES, MAX_EXPANSION * Math.min(fileLengthBytes, Integer.MAX_VALUE));
            for (ZipEntry entry = next(zip); entry != null; entry = next(zip)) {
                String file = name + ", entry " + TensorFileFault.quoted(entry.getName());
                String tensor = tensorName(file, entry);
                if (!names.add(tensor)) {
                    throw TensorFileFault.at(file, 0, "each entry once", "it again");
                }
                Tensor read = readEntry(file, tensor, zip, entry, limitBytes);
                limitBytes -= (long) read.values().length * Float.BYTES;
                tensors.add(read);
            }
            tail.drain();
        } catch (ZipException | EOFException e) {
            String found = e.getMessage() == null ? "the end" : TensorFileFault.plain(e.getMessage());
            throw new BadInputException(
                    TensorFileFault.at(name, tail.count(), "a whole zip archive before", found)
                            .getMessage(),
                    e);
        }
        tail.check(name, fileLengthBytes, tensors.size());
        return List.copyOf(tensors);
    }

    private static ZipEntry next(ZipInputStream zip) throws IOException {
        try {
            return zip.getNextEntry();
        } catch (IllegalArgumentException e) {
            // So Java tells of a name that is not UTF-8 and of fields with impossible values.
            ZipException damaged = new ZipException("a damaged entry: " + e.getMessage());
            damaged.initCause(e);
            throw damaged;
        }
    }

    private static String tensorName(String file, ZipEntry entry) {
        String entryName = entry.getName();
        String name = entryName.endsWith(NpyLayout.ENTRY_SUFFIX)
                ? entryName.substring(0, entryName.length() - NpyLayout.ENTRY_SUFFIX.length())
                : "";
        if (!Tensor.isStorableName(name)) {
            throw TensorFileFault.at(file, 0, "an entry NAME.npy", "this name");
        }
        return name;
    }

    private static Tensor readEntry(String file, String tensor, ZipInputStream zip, ZipEntry entry, long limitBytes)
            throws IOException {
        Tensor read = NpyArray.read(file, tensor, zip, limitBytes, entry.getSize());
        // Reads the checksum behind the values, and compares.
        zip.closeEntry();
        return read;
    }
}
