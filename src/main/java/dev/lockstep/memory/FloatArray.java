package dev.lockstep.memory;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Objects;
import java.util.function.Function;

/**
 * A fixed number of 32-bit floats outside the Java heap: a view of an {@link OffHeapBlock}, which owns and frees the memory.
 * Reading and writing is safe from any thread in the sense of plain Java fields: threads that share an array order their
 * accesses themselves. Every access is checked against the bounds and refused once the block is closed.
 */
public final class FloatArray {
    private final OffHeapBlock block;
    private final ByteBuffer raw;
    private final FloatBuffer elements;
    private Object view; // made when it is first asked for; whoever finds none makes another that is as good

    FloatArray(OffHeapBlock block, ByteBuffer raw) {
        this.block = block;
        this.raw = raw;
        this.elements = raw.asFloatBuffer();
    }

    /** Number of elements. */
    public int length() {
        return elements.capacity();
    }

    /** The element at {@code index}. */
    public float get(int index) {
        block.requireOpen();
        return elements.get(index);
    }

    /** Sets the element at {@code index}. */
    public void set(int index, float value) {
        block.requireOpen();
        elements.put(index, value);
    }

    /**
     * The elements for absolute access in a kernel's loop, which checks once here instead of at every element that the
     * block is open. The caller does not keep it beyond the call it was taken for, and does not move its position.
     */
    public FloatBuffer buffer() {
        block.requireOpen();
        return elements;
    }

    /** The same memory as little-endian bytes, under the rules of {@link #buffer()}. */
    public ByteBuffer rawBytes() {
        block.requireOpen();
        return raw;
    }

    /**
     * The same memory as an object of another kind, made once and kept: as a memory segment, where kernels read those. Under
     * the rules of {@link #rawBytes}.
     *
     * @param maker makes it; always the same for an array
     */
    public Object view(Function<ByteBuffer, Object> maker) {
        block.requireOpen();
        Object made = view;
        if (made == null) {
            made = maker.apply(raw);
            view = made;
        }
        return made;
    }

    /** A view of {@code length} elements from {@code first} on; it shares the memory. */
    public FloatArray slice(int first, int length) {
        block.requireOpen();
        Objects.checkFromIndexSize(first, length, length());
        return new FloatArray(
                block, raw.slice(first * Float.BYTES, length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN));
    }

    /**
     * Copies all elements of another array of the same length into this one.
     *
     * @throws IllegalArgumentException if the lengths differ
     */
    public void copyFrom(FloatArray source) {
        if (source.length() != length()) {
            throw new IllegalArgumentException("copy: expected " + length() + " floats, found " + source.length());
        }
        raw.put(0, source.rawBytes(), 0, raw.capacity());
    }

    /**
     * Reads a number of each cache line of a range, so that lines that another core has written are fetched side by side. Where
     * a kernel needs them, it would fetch one after the other.
     *
     * @return a number that means nothing; keep it, or the compiler may drop the reads
     */
    public int touch(int first, int end) {
        ByteBuffer bytes = rawBytes();
        int sum = 0;
        for (int i = first * Float.BYTES; i < end * Float.BYTES; i += OffHeapBlock.CACHE_LINE_BYTES) {
            sum += bytes.get(i);
        }
        return sum;
    }

    /** Sets every element to {@code value}. */
    public void fill(float value) {
        block.requireOpen();
        for (int i = 0; i < elements.capacity(); i++) {
            elements.put(i, value);
        }
    }
}
