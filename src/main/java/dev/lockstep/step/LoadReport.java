package dev.lockstep.step;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.Serializer;
import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;

/**
 * What a worker, or all workers together, loaded.
 *
 * @param trainFingerprint of the training files, see {@link dev.lockstep.data.Shard#fingerprint}
 * @param testFingerprint of the test files
 * @param offHeapBytes memory of the shards
 */
public record LoadReport(long trainFingerprint, long testFingerprint, long offHeapBytes) {
    /** The report of two workers together. */
    public LoadReport plus(LoadReport other) {
        return new LoadReport(
                trainFingerprint + other.trainFingerprint,
                testFingerprint + other.testFingerprint,
                offHeapBytes + other.offHeapBytes);
    }

    /** Kryo form: the three numbers. Kryo's own serializer cannot set the fields of a record. */
    static final class ReportSerializer extends Serializer<LoadReport> {
        @Override
        public void write(Kryo kryo, Output output, LoadReport report) {
            output.writeLong(report.trainFingerprint);
            output.writeLong(report.testFingerprint);
            output.writeLong(report.offHeapBytes);
        }

        @Override
        public LoadReport read(Kryo kryo, Input input, Class<LoadReport> type) {
            return new LoadReport(input.readLong(), input.readLong(), input.readLong());
        }
    }
}
