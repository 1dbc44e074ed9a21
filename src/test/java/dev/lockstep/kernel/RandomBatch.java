package dev.lockstep.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A mini-batch on the heap for tests, spread over shards: dense pixels, labels, and where each shard's rows end. Any run
 * of shards can be made into a {@link SparseBatch} with its {@link SegmentTree}.
 *
 * @param inputs width of X
 * @param pixels X [rows, inputs]
 * @param labels the class of each row
 * @param rowEnd one past the last row of each shard
 */
public record RandomBatch(int inputs, float[][] pixels, int[] labels, int[] rowEnd) {

    /** A batch whose shards have the given numbers of rows. */
    public static RandomBatch of(int[] rowsOfShard, int inputs, int classes, Regime regime, Random random) {
        int[] rowEnd = rowsOfShard.clone();
        Arrays.parallelPrefix(rowEnd, Integer::sum);
        int rows = rowEnd[rowEnd.length - 1];
        float[][] pixels = new float[rows][inputs];
        boolean[] blankColumn = new boolean[inputs];
        for (int c = 0; c < inputs; c++) {
            blankColumn[c] = random.nextInt(5) == 0;
        }
        int[] labels = new int[rows];
        for (int r = 0; r < rows; r++) {
            labels[r] = random.nextInt(classes);
            boolean blankRow = random.nextInt(6) == 0;
            for (int c = 0; c < inputs; c++) {
                if (!blankRow && !blankColumn[c] && random.nextInt(3) == 0) {
                    pixels[r][c] = regime.nextNonZero(random);
                }
            }
        }
        return new RandomBatch(inputs, pixels, labels, rowEnd);
    }

    /** Rows of all shards, dealt out at random; some shards get none. */
    public static int[] deal(int rows, int shards, Random random) {
        int[] rowsOfShard = new int[shards];
        for (int r = 0; r < rows; r++) {
            rowsOfShard[random.nextInt(shards)]++;
        }
        return rowsOfShard;
    }

    /** Number of shards. */
    public int shards() {
        return rowEnd.length;
    }

    /** The first row of a shard. */
    public int rowBegin(int shard) {
        return shard == 0 ? 0 : rowEnd[shard - 1];
    }

    /** Rows of the shards [low, high). */
    public int rows(int low, int high) {
        return rowEnd[high - 1] - rowBegin(low);
    }

    /** The rows of the shards [low, high), off-heap; the caller closes it. */
    public SparseBatch sparse(int low, int high) {
        SparseBatch batch = new SparseBatch(inputs, rows(low, high), inputs);
        fill(batch, low, high);
        return batch;
    }

    /** Puts the rows of the shards [low, high) into a batch instead of what it held. */
    public void fill(SparseBatch batch, int low, int high) {
        fillRows(batch, rowBegin(low), rowEnd[high - 1]);
    }

    /** Puts the rows [from, to) into a batch instead of what it held: as pixels if all are bytes over 255, else as floats. */
    void fillRows(SparseBatch batch, int from, int to) {
        batch.clear(to - from);
        if (arePixels()) {
            addPixels(batch, from, to);
            return;
        }
        for (int r = from; r < to; r++) {
            int count = 0;
            for (int g = 0; g < SparseBatch.groups(inputs); g++) {
                int at = batch.blocks() + count;
                boolean isBlank = true;
                float[] values = new float[SparseBatch.COLUMNS];
                for (int i = 0; i < values.length && g * values.length + i < inputs; i++) {
                    values[i] = pixels[r][g * values.length + i];
                    isBlank &= values[i] == 0f;
                }
                if (!isBlank) {
                    batch.groupOf()[at] = g;
                    System.arraycopy(values, 0, batch.values(), at * values.length, values.length);
                    count++;
                }
            }
            batch.endRow(count, labels[r]);
        }
    }

    private boolean arePixels() {
        return Arrays.stream(pixels)
                .allMatch(row -> IntStream.range(0, inputs).allMatch(c -> byteOf(row[c]) / 255f == row[c]));
    }

    private static int byteOf(float pixel) {
        return Math.round(pixel * 255) & 0xff;
    }

    private void addPixels(SparseBatch batch, int from, int to) {
        int groups = SparseBatch.groups(inputs);
        int before = 3; // a record may begin anywhere
        int numberBytes = groups > 256 || from % 2 == 1 ? Integer.BYTES : 1;
        ByteBuffer record = ByteBuffer.allocate(before + groups * (numberBytes + SparseBatch.COLUMNS))
                .order(ByteOrder.LITTLE_ENDIAN);
        for (int r = from; r < to; r++) {
            float[] row = Arrays.copyOf(pixels[r], groups * SparseBatch.COLUMNS);
            int[] present = IntStream.range(0, groups)
                    .filter(g -> IntStream.range(g * SparseBatch.COLUMNS, (g + 1) * SparseBatch.COLUMNS)
                            .anyMatch(c -> row[c] != 0f))
                    .toArray();
            record.position(before);
            for (int g : present) {
                if (numberBytes == 1) {
                    record.put((byte) g);
                } else {
                    record.putInt(g);
                }
            }
            for (int g : present) {
                for (int c = g * SparseBatch.COLUMNS; c < (g + 1) * SparseBatch.COLUMNS; c++) {
                    record.put((byte) byteOf(row[c]));
                }
            }
            batch.addPixels(record, before, numberBytes, present.length, labels[r]);
        }
    }

    /** The segments of {@link #sparse}'s rows. */
    public SegmentTree tree(int low, int high) {
        SegmentTree tree = new SegmentTree(low, high);
        for (int s = low; s < high; s++) {
            tree.endSegment(s - low, rowEnd[s] - rowBegin(low));
        }
        return tree;
    }

    @Override
    public String toString() {
        return "rows " + labels.length + " x " + inputs + ", shards end at " + Arrays.toString(rowEnd);
    }
}
