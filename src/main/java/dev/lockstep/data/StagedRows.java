package dev.lockstep.data;

import dev.lockstep.BadInputException;
import dev.lockstep.kernel.SparseBatch;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.Path;

/**
 * A set whose rows {@link StagedRowsWriter} wrote into files: those of the first part, then those of the second, and so on.
 *
 * @param name for logs and errors
 * @param inputs width of a row
 * @param parts the files, in the order of their rows
 */
public record StagedRows(String name, int inputs, List<StagedPart> parts) implements LabelledRows {
    private static final int BUFFER_BYTES = 1 << 18;

    /** Copies the list. */
    public StagedRows {
        parts = List.copyOf(parts);
    }

    /** A set without rows. */
    public static StagedRows empty(int inputs) {
        return new StagedRows("no rows", inputs, List.of());
    }

    @Override
    public int examples() {
        int sum = 0;
        for (StagedPart part : parts) {
            sum = Math.addExact(sum, part.rows());
        }
        return sum;
    }

    /** The highest label; -1 without rows. */
    public int maxLabel() {
        return parts.stream().mapToInt(StagedPart::maxLabel).max().orElse(-1);
    }

    /** Each part is read from a little before the range's first row in it to the last one. */
    @Override
    public List<Shard> read(Configuration conf, List<ShardRange> ranges, int classes) {
        ShardReader.require(ranges, examples(), classes);
        List<Shard> shards = new ArrayList<>(ranges.size());
        try (ShardBuilder builder = new ShardBuilder(name, 1, inputs, true, ShardLayout.MAX_BYTES)) {
            for (ShardRange range : ranges) {
                builder.begin(range);
                int first = 0;
                for (StagedPart part : parts) {
                    int from = Math.max(range.first(), first);
                    int end = Math.min(range.end(), first + part.rows());
                    if (from < end) {
                        read(conf, part, from - first, end - first, classes, builder);
                    }
                    first += part.rows();
                }
                shards.add(builder.finish());
            }
            return shards;
        } catch (Throwable e) {
            // Nobody else knows of these shards yet, whatever went wrong, an OutOfMemoryError included.
            shards.forEach(Shard::close);
            throw e;
        }
    }

    private void read(Configuration conf, StagedPart part, int first, int end, int classes, ShardBuilder builder) {
        try {
            Path path = new Path(part.uri());
            try (FSDataInputStream file = path.getFileSystem(conf).open(path)) {
                file.seek(part.markBefore(first));
                Records records =
                        new Records(part.uri(), new DataInputStream(new BufferedInputStream(file, BUFFER_BYTES)));
                int row = first - first % StagedRowsWriter.MARK_ROWS;
                for (; row < first; row++) {
                    records.next(row, classes);
                }
                for (; row < end; row++) {
                    records.next(row, classes);
                    builder.beginRow(records.label);
                    builder.groups(records.groups, records.count, records.bytes);
                    builder.endRow();
                }
            }
        } catch (EOFException e) {
            throw new BadInputException(
                    part.uri() + ": truncated: expected " + part.rows() + " rows, found the end before row " + end, e);
        } catch (IOException e) {
            throw IdxFile.translate(part.uri(), e);
        }
    }

    /** The records of a file, one after the other. */
    private final class Records {
        private final String uri;
        private final DataInputStream in;
        private final int maxGroups = SparseBatch.groups(inputs);
        private final byte[] head = new byte[StagedRowsWriter.HEAD_BYTES];
        private int label;
        private int count;
        private int[] groups = {};
        private byte[] bytes = {}; // groups and values, as in the file

        Records(String uri, DataInputStream in) {
            this.uri = uri;
            this.in = in;
        }

        void next(int row, int classes) throws IOException {
            in.readFully(head);
            ByteBuffer numbers = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN);
            label = numbers.getInt();
            count = numbers.getInt();
            if (label < 0 || label >= classes || count < 0 || count > maxGroups) {
                throw damaged(
                        row,
                        "a label of 0 to " + (classes - 1) + " and up to " + maxGroups + " groups",
                        label + " and " + count);
            }
            int lengthBytes = Math.multiplyExact(count, Integer.BYTES + SparseBatch.COLUMNS * Float.BYTES);
            if (count > groups.length) {
                groups = new int[count];
                bytes = new byte[lengthBytes];
            }
            in.readFully(bytes, 0, lengthBytes);
            ByteBuffer list = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            int last = -1;
            for (int i = 0; i < count; i++) {
                int group = list.getInt();
                if (group <= last || group >= maxGroups) {
                    throw damaged(
                            row, "a group from " + (last + 1) + " to " + (maxGroups - 1), Integer.toString(group));
                }
                groups[i] = group;
                last = group;
            }
        }

        private BadInputException damaged(int row, String expected, String found) {
            return new BadInputException(uri + ": row " + row + ": expected " + expected + ", found " + found);
        }
    }
}
