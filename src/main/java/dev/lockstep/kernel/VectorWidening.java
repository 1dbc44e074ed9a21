package dev.lockstep.kernel;

import static dev.lockstep.kernel.VectorLanes.ORDER;
import static dev.lockstep.kernel.VectorLanes.WIDTH;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.CharArray;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.IntArray;
import java.nio.ByteBuffer;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Copies of narrow integers as wide numbers. The last vector overlaps the one before, so nothing is read or written
 * outside the range; what is shorter than a vector is copied by elements.
 */
final class VectorWidening {
    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(WIDTH * Byte.SIZE));
    private static final VectorSpecies<Short> SHORTS =
            VectorSpecies.of(short.class, VectorShape.forBitSize(WIDTH * Short.SIZE));
    /** 2^23: a float whose low bits count ones. Converting would do as well, but JDK 17 does that slowly. */
    private static final float ONES = 0x1p23f;

    private VectorWidening() {}

    static void pixels(ByteArray from, int first, FloatArray to, int offset, int count) {
        if (count < WIDTH) {
            ScalarKernels.copyPixels(from.buffer(), first, to.buffer(), offset, count);
            return;
        }
        ByteBuffer source = from.buffer();
        ByteBuffer target = to.rawBytes();
        int last = count - WIDTH;
        for (int i = 0; i < last; i += WIDTH) {
            pixels(source, first + i, target, offset + i);
        }
        pixels(source, first + last, target, offset + last);
    }

    private static void pixels(ByteBuffer from, int i, ByteBuffer to, int o) {
        Vector<Integer> wide = ByteVector.fromByteBuffer(BYTES, from, i, ORDER)
                .convertShape(VectorOperators.B2I, VectorLanes.INT_SPECIES, 0);
        FloatVector shifted =
                ((IntVector) wide).and(0xff).or(Float.floatToRawIntBits(ONES)).reinterpretAsFloats();
        shifted.sub(ONES).div(255f).intoByteBuffer(to, o * Float.BYTES, ORDER);
    }

    static void columns(CharArray from, int first, IntArray to, int offset, int count) {
        if (count < WIDTH) {
            ScalarKernels.copyColumns(from.buffer(), first, to.buffer(), offset, count);
            return;
        }
        ByteBuffer source = from.rawBytes();
        ByteBuffer target = to.rawBytes();
        int last = count - WIDTH;
        for (int i = 0; i < last; i += WIDTH) {
            columns(source, first + i, target, offset + i);
        }
        columns(source, first + last, target, offset + last);
    }

    private static void columns(ByteBuffer from, int i, ByteBuffer to, int o) {
        Vector<Integer> wide = ShortVector.fromByteBuffer(SHORTS, from, i * Character.BYTES, ORDER)
                .convertShape(VectorOperators.S2I, VectorLanes.INT_SPECIES, 0);
        ((IntVector) wide).and(0xffff).intoByteBuffer(to, o * Integer.BYTES, ORDER);
    }
}
