package dev.lockstep.files;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Objects;

/** The golden files beside {@code make_golden.py}, and what they hold. */
final class GoldenFiles {
    private GoldenFiles() {}

    static byte[] bytes(String name) {
        try (InputStream in = Objects.requireNonNull(GoldenFiles.class.getResourceAsStream(name), name)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The four tensors of the script's {@code tensors}. */
    static List<Tensor> network() {
        float[] w1 = new float[12];
        for (int i = 0; i < w1.length; i++) {
            w1[i] = i / 8f - 0.5f;
        }
        return List.of(
                new Tensor("W1", new int[] {4, 3}, w1),
                new Tensor("b1", new int[] {3}, new float[] {0.25f, -1.5f, 3}),
                new Tensor("W2", new int[] {3, 2}, new float[] {1, 2, 3, 4, 5, 6}),
                new Tensor("b2", new int[] {2}, new float[2]));
    }

    /** Zeros, denormals, infinities, quiet and signalling NaN, one and the largest number. */
    static Tensor special() {
        int[] bits = {
            0, 0x80000000, 1, 0x807FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7FA00001, 0x3F800000, 0x7F7FFFFF
        };
        float[] values = new float[bits.length];
        for (int i = 0; i < bits.length; i++) {
            values[i] = Float.intBitsToFloat(bits[i]);
        }
        return new Tensor("special", new int[] {bits.length}, values);
    }
}
