package dev.lockstep.files;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Objects;

/**
 * A named array of float32 on the heap, as model files hold it: row-major, without padding. An empty shape is a scalar
 * of one value; an axis of size 0 is allowed.
 *
 * <p>The shape is copied in and out. The values are not, for they are the bulk: the tensor keeps the array it is given,
 * and whoever shares it must not write to it any more. On that condition a tensor may be read by many threads.
 *
 * <p>Two tensors are equal when name, shape and the bits of all values are: two NaN of the same bits are equal, 0.0 and
 * -0.0 are not.
 *
 * @param name not empty, text that UTF-8 can hold
 * @param shape sizes of the axes, outermost first, none negative
 * @param values as many as the product of the shape, the last axis running fastest
 */
public record Tensor(String name, int[] shape, float[] values) {
    /** What a Java array can hold on every JVM; some refuse the last few below 2^31. */
    static final int MAX_ELEMENTS = Integer.MAX_VALUE - 8;

    /** NumPy's own limit, so that a hostile shape stays short. */
    static final int MAX_AXES = 64;

    /** @throws IllegalArgumentException if the name cannot be stored or the values do not fill the shape exactly */
    public Tensor {
        if (!isStorableName(name)) {
            throw new IllegalArgumentException("tensor name " + TensorFileFault.quoted(name) + " cannot be stored");
        }
        shape = shape.clone();
        Objects.requireNonNull(values, "values");
        long elements = elementCount(shape);
        if (elements != values.length) {
            throw new IllegalArgumentException("tensor " + TensorFileFault.quoted(name) + ": shape "
                    + Arrays.toString(shape) + " needs " + (elements < 0 ? "no possible number of" : elements)
                    + " values, found " + values.length);
        }
    }

    /** A copy of the sizes of the axes, outermost first. */
    @Override
    public int[] shape() {
        return shape.clone();
    }

    /** Number of axes; 0 for a scalar. */
    public int rank() {
        return shape.length;
    }

    /**
     * Size of one axis.
     *
     * @param axis 0 for the outermost
     * @throws IndexOutOfBoundsException if there is no such axis
     */
    public int dimension(int axis) {
        return shape[Objects.checkIndex(axis, shape.length)];
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof Tensor)) {
            return false;
        }
        Tensor that = (Tensor) other;
        if (!name.equals(that.name) || !Arrays.equals(shape, that.shape)) {
            return false;
        }
        for (int i = 0; i < values.length; i++) {
            if (Float.floatToRawIntBits(values[i]) != Float.floatToRawIntBits(that.values[i])) {
                return false;
            }
        }
        return true;
    }

    @Override
    public int hashCode() {
        int hash = 31 * name.hashCode() + Arrays.hashCode(shape);
        for (float value : values) {
            hash = 31 * hash + Float.floatToRawIntBits(value);
        }
        return hash;
    }

    /** Name and shape; the values would fill pages. */
    @Override
    public String toString() {
        return "Tensor[" + TensorFileFault.quoted(name) + ", shape=" + Arrays.toString(shape) + "]";
    }

    /** Whether a tensor may have this name: text that is not empty. */
    static boolean isStorableName(String name) {
        return !name.isEmpty() && isStorableText(name);
    }

    /** Whether UTF-8 can hold this: not so a lone surrogate, of which JSON would make another character. */
    static boolean isStorableText(String text) {
        return StandardCharsets.UTF_8.newEncoder().canEncode(text);
    }

    /** Product of the sizes, or -1 if one is negative or the product passes what an array can hold. */
    static long elementCount(int[] shape) {
        long elements = 1;
        for (int size : shape) {
            // Both factors are below 2^31 here, so the product cannot overflow before it is looked at.
            elements *= size;
            if (size < 0 || elements > MAX_ELEMENTS) {
                return -1;
            }
        }
        return elements;
    }
}
