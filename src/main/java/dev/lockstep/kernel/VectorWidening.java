package dev.lockstep.kernel;

import static dev.lockstep.kernel.VectorLanes.ORDER;
import static dev.lockstep.kernel.VectorLanes.WIDTH;
import static dev.lockstep.kernel.VectorLanes.all;
import static dev.lockstep.kernel.VectorLanes.bytes;

import dev.lockstep.memory.ByteArray;
import java.nio.ByteBuffer;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Copies of bytes as floats. The last vector overlaps the one before, so nothing is read or written
 * outside the range; what is shorter than a vector is copied by elements.
 *
 * <p>C2 compiles its callers without it (conf/spark-defaults.conf): in one run of ten it would compile it into the loop over
 * the rows as well, where it fails to inline the last call of the vector API, and allocates 137 KB a step of the book's.
 */
final class VectorWidening {
    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(WIDTH * Byte.SIZE));
    /** 2^23: a float whose low bits count ones. Converting would do as well, but JDK 17 does that slowly. */
    private static final float ONES = 0x1p23f;

    private VectorWidening() {}

    static void pixels(ByteArray from, int first, float[] to, int offset, int count) {
        if (count < WIDTH) {
            ScalarKernels.copyPixels(from.buffer(), first, to, offset, count);
            return;
        }
        ByteBuffer source = bytes(from);
        int last = count - WIDTH;
        for (int i = 0; i < count; i += WIDTH) {
            int at = Math.min(i, last);
            Vector<Integer> wide = ByteVector.fromByteBuffer(BYTES, source, first + at, ORDER)
                    .convertShape(VectorOperators.B2I, VectorLanes.INT_SPECIES, 0);
            FloatVector shifted = ((IntVector) wide)
                    .and(0xff)
                    .or(Float.floatToRawIntBits(ONES))
                    .reinterpretAsFloats();
            FloatVector x = shifted.sub(ONES);
            // The quotient and its remainder: rounded as a division rounds, for all 256, in a quarter of its time.
            FloatVector q = x.mul(1 / 255f);
            q.fma(all(-255f), x).fma(all(1 / 255f), q).intoArray(to, offset + at);
        }
    }
}
