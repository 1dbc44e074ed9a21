package dev.lockstep.kernel;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.FloatArray;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vectors that all vector kernels use, and how they get into registers and out again.
 *
 * <p>The vector API reads off-heap memory through byte buffers on Java 17, and through memory segments from Java 22 on. The files
 * {@code Vector*.java} are written for byte buffers; of each the build makes a twin {@code Segment*.java} by exchanging
 * these names, if it has a JDK that can compile it. {@link KernelTrial} takes what runs.
 */
final class VectorLanes {
    /** Vectors of 512 bits where the machine has them, else of 256; {@link Kernels#LANES} is a multiple of both. */
    static final VectorSpecies<Float> SPECIES =
            FloatVector.SPECIES_PREFERRED.length() >= Kernels.LANES ? FloatVector.SPECIES_512 : FloatVector.SPECIES_256;

    static final VectorSpecies<Integer> INT_SPECIES = SPECIES.withLanes(int.class);

    /** Floats of a vector. */
    static final int WIDTH = SPECIES.length();

    static final int VECTOR_BYTES = WIDTH * Float.BYTES;
    /** Floats that a kernel computes at a time where the width allows: four vectors. */
    static final int BLOCK = 4 * WIDTH;

    static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private VectorLanes() {}

    /** The memory of an array, for {@link #load(ByteBuffer, int)} and for stores. */
    static ByteBuffer bytes(FloatArray array) {
        return array.rawBytes();
    }

    /** The memory of an array. */
    static ByteBuffer bytes(ByteArray array) {
        return array.buffer();
    }

    static FloatVector load(ByteBuffer from, int offsetBytes) {
        return FloatVector.fromByteBuffer(SPECIES, from, offsetBytes, ORDER);
    }

    static FloatVector load(float[] from, int i) {
        return FloatVector.fromArray(SPECIES, from, i);
    }

    static FloatVector all(float value) {
        return FloatVector.broadcast(SPECIES, value);
    }
}
