package dev.lockstep.data;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.OffHeapBlock;
import java.util.ArrayList;
import java.util.List;

/**
 * An off-heap sequence of elements that grows at its end by chunks, so that how long it gets need not be known, and
 * what a damaged header promises is never allocated. Elements of one sequence all have the same width. One thread; it
 * owns its memory.
 */
final class ShardScratch implements AutoCloseable {
    // Small sets should not pay for big chunks. All sizes are multiples of the widest element, so that none is torn.
    private static final int FIRST_CHUNK_BYTES = 1 << 12;
    private static final int LAST_CHUNK_BYTES = 1 << 20;

    private final List<OffHeapBlock> blocks = new ArrayList<>();
    private final List<ByteArray> chunks = new ArrayList<>();
    private ByteArray tail;
    private int tailIndex = -1;
    private int tailUsed;
    private int tailBytes;
    private long bytesBeforeTail;

    void addByte(byte value) {
        if (tailUsed == tailBytes) {
            nextChunk();
        }
        tail.buffer().put(tailUsed, value);
        tailUsed += Byte.BYTES;
    }

    void addChar(char value) {
        if (tailUsed == tailBytes) {
            nextChunk();
        }
        tail.buffer().putChar(tailUsed, value);
        tailUsed += Character.BYTES;
    }

    void addInt(int value) {
        if (tailUsed == tailBytes) {
            nextChunk();
        }
        tail.buffer().putInt(tailUsed, value);
        tailUsed += Integer.BYTES;
    }

    /** Appends many bytes, whole elements. */
    void addBytes(byte[] source, int offset, int count) {
        int from = offset;
        int left = count;
        while (left > 0) {
            if (tailUsed == tailBytes) {
                nextChunk();
            }
            int length = Math.min(left, tailBytes - tailUsed);
            tail.buffer().put(tailUsed, source, from, length);
            tailUsed += length;
            from += length;
            left -= length;
        }
    }

    long lengthBytes() {
        return bytesBeforeTail + tailUsed;
    }

    /** Copies the whole sequence to {@code target} from {@code offset} on. */
    void copyTo(ByteArray target, int offset) {
        reader().copyTo(target, offset, (int) lengthBytes());
    }

    /** Reads the sequence from its beginning. */
    Reader reader() {
        return new Reader();
    }

    /** Where reading a sequence has come to. It is not changed meanwhile. */
    final class Reader {
        private int chunk;
        private int used;

        /** Copies the next {@code count} bytes, which are there, to {@code target} from {@code offset} on; returns where they end. */
        int copyTo(ByteArray target, int offset, int count) {
            int at = offset;
            int end = offset + count;
            while (at < end) {
                ByteArray from = chunks.get(chunk);
                int length = Math.min(end - at, from.length() - used);
                target.buffer().put(at, from.buffer(), used, length);
                at += length;
                used += length;
                if (used == from.length()) {
                    chunk++;
                    used = 0;
                }
            }
            return end;
        }
    }

    /** Empties the sequence and keeps its memory for the next use. */
    void clear() {
        tailIndex = -1;
        tail = null;
        tailUsed = 0;
        tailBytes = 0;
        bytesBeforeTail = 0;
    }

    @Override
    public void close() {
        blocks.forEach(OffHeapBlock::close);
    }

    private void nextChunk() {
        if (tailIndex + 1 == chunks.size()) {
            int lengthBytes = Math.min(LAST_CHUNK_BYTES, FIRST_CHUNK_BYTES << Math.min(chunks.size(), 16));
            OffHeapBlock block = OffHeapBlock.allocate(lengthBytes, "building a shard");
            blocks.add(block);
            chunks.add(block.bytes());
        }
        bytesBeforeTail += tailUsed;
        tailIndex++;
        tail = chunks.get(tailIndex);
        tailBytes = tail.length();
        tailUsed = 0;
    }
}
