package dev.lockstep.bench;

import static org.bytedeco.openblas.global.openblas_full.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas_full.CblasRowMajor;
import static org.bytedeco.openblas.global.openblas_full.CblasTrans;
import static org.bytedeco.openblas.global.openblas_full.cblas_sasum;
import static org.bytedeco.openblas.global.openblas_full.cblas_sgemm;
import static org.bytedeco.openblas.global.openblas_full.openblas_get_config;
import static org.bytedeco.openblas.global.openblas_full.openblas_get_corename;
import static org.bytedeco.openblas.global.openblas_full.openblas_set_num_threads;

import java.util.function.IntToDoubleFunction;
import org.bytedeco.javacpp.FloatPointer;

/** OpenBLAS on one thread, on row-major arrays whose first element is at a multiple of 64 bytes. */
final class OpenBlas {
    /** Its name in the table. */
    static final String NAME = "OpenBLAS";

    private static final int ALIGNMENT_BYTES = 64;

    private OpenBlas() {}

    /**
     * Loads it for the one thread.
     *
     * @throws AbsentException if there is none for this machine
     */
    static void load() {
        try {
            openblas_set_num_threads(1);
        } catch (LinkageError e) {
            throw new AbsentException("no OpenBLAS for this machine: " + e.getMessage());
        }
    }

    /** Version and processor, for people. */
    static String version() {
        try {
            load();
            String config = openblas_get_config().getString();
            return config.replaceFirst("^OpenBLAS (\\S+).*", "$1") + " for "
                    + openblas_get_corename().getString() + ", one thread";
        } catch (AbsentException e) {
            return "absent";
        }
    }

    /**
     * An array, freed when nobody has it any more.
     *
     * @param element makes each element
     */
    static FloatPointer array(int length, IntToDoubleFunction element) {
        FloatPointer whole = new FloatPointer(length + ALIGNMENT_BYTES / Float.BYTES);
        long beyond = whole.address() % ALIGNMENT_BYTES;
        FloatPointer array = whole.getPointer((ALIGNMENT_BYTES - beyond) % ALIGNMENT_BYTES / Float.BYTES);
        for (int i = 0; i < length; i++) {
            array.put(i, (float) element.applyAsDouble(i));
        }
        return array;
    }

    /** out = X W for X [rows, inputs], W [inputs, hidden]. */
    static void forward(int rows, int inputs, int hidden, FloatPointer x, FloatPointer w, FloatPointer out) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, hidden, inputs, 1, x, inputs, w, hidden, 0, out, hidden);
    }

    /** out = X' D for X [rows, inputs], D [rows, hidden]. */
    static void gradient(int rows, int inputs, int hidden, FloatPointer x, FloatPointer d, FloatPointer out) {
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, inputs, hidden, rows, 1, x, inputs, d, hidden, 0, out, hidden);
    }

    /** The sum of the magnitudes of all elements: a read of the array from its beginning to its end. */
    static float sum(int length, FloatPointer array) {
        return cblas_sasum(length, array, 1);
    }
}
