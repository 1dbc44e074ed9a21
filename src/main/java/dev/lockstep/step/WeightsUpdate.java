package dev.lockstep.step;

import java.nio.ByteBuffer;

/**
 * What leads a worker from one version of the weights to another.
 *
 * @param base the version to begin with; 0 for any, then the form is everything
 * @param version the version that it leads to
 * @param form as {@link ParameterCodec} writes it, from position to limit; null if both versions are the same
 */
record WeightsUpdate(long base, long version, ByteBuffer form) {
    /** Bytes of the form. */
    int formBytes() {
        return form == null ? 0 : form.remaining();
    }
}
