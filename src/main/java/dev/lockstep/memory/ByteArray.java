package dev.lockstep.memory;

import java.nio.ByteBuffer;
import java.util.function.Function;

/**
 * A fixed number of unsigned bytes (0 to 255) outside the Java heap: a view of an {@link OffHeapBlock}, which owns and frees the memory.
 * Reading and writing is safe from any thread in the sense of plain Java fields: threads that share an array order their
 * accesses themselves. Every access is checked against the bounds and refused once the block is closed.
 */
public final class ByteArray {
    private final OffHeapBlock block;
    private final ByteBuffer elements;
    private Object view; // made when it is first asked for; whoever finds none makes another that is as good

    ByteArray(OffHeapBlock block, ByteBuffer raw) {
        this.block = block;
        this.elements = raw;
    }

    /** Number of elements. */
    public int length() {
        return elements.capacity();
    }

    /** The element at {@code index}. */
    public int get(int index) {
        block.requireOpen();
        return elements.get(index) & 0xff;
    }

    /** Sets the element at {@code index}. */
    public void set(int index, int value) {
        block.requireOpen();
        elements.put(index, (byte) value);
    }

    /**
     * The elements for absolute access in a kernel's loop, which checks once here instead of at every element that the
     * block is open. The caller does not keep it beyond the call it was taken for, and does not move its position.
     */
    public ByteBuffer buffer() {
        block.requireOpen();
        return elements;
    }

    /**
     * The same memory as an object of another kind, made once and kept: as a memory segment, where kernels read those. Under
     * the rules of {@link #buffer}.
     *
     * @param maker makes it; always the same for an array
     */
    public Object view(Function<ByteBuffer, Object> maker) {
        block.requireOpen();
        Object made = view;
        if (made == null) {
            made = maker.apply(elements);
            view = made;
        }
        return made;
    }
}
