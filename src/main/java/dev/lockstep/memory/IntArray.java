package dev.lockstep.memory;

import java.nio.ByteBuffer;
import java.nio.IntBuffer;

/**
 * A fixed number of 32-bit integers outside the Java heap: a view of an {@link OffHeapBlock}, which owns and frees the memory.
 * Reading and writing is safe from any thread in the sense of plain Java fields: threads that share an array order their
 * accesses themselves. Every access is checked against the bounds and refused once the block is closed.
 */
public final class IntArray {
    private final OffHeapBlock block;
    private final ByteBuffer raw;
    private final IntBuffer elements;

    IntArray(OffHeapBlock block, ByteBuffer raw) {
        this.block = block;
        this.raw = raw;
        this.elements = raw.asIntBuffer();
    }

    /** Number of elements. */
    public int length() {
        return elements.capacity();
    }

    /** The element at {@code index}. */
    public int get(int index) {
        block.requireOpen();
        return elements.get(index);
    }

    /** Sets the element at {@code index}. */
    public void set(int index, int value) {
        block.requireOpen();
        elements.put(index, value);
    }

    /**
     * The elements for absolute access in a kernel's loop, which checks once here instead of at every element that the
     * block is open. The caller does not keep it beyond the call it was taken for, and does not move its position.
     */
    public IntBuffer buffer() {
        block.requireOpen();
        return elements;
    }

    /** The same memory as little-endian bytes, under the rules of {@link #buffer()}. */
    public ByteBuffer rawBytes() {
        block.requireOpen();
        return raw;
    }
}
