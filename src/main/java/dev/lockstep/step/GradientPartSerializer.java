package dev.lockstep.step;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.Serializer;
import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.ParametersSerializer;

/** Kryo form of a {@link GradientPart}; values travel only where there are rows. Whoever reads owns the result. */
final class GradientPartSerializer extends Serializer<GradientPart> {
    private final ParametersSerializer parameters = new ParametersSerializer();

    @Override
    public void write(Kryo kryo, Output output, GradientPart part) {
        output.writeInt(part.low());
        output.writeInt(part.high());
        output.writeInt(part.rows());
        output.writeDouble(part.lossSum());
        if (part.rows() > 0) {
            parameters.write(kryo, output, part.values());
        }
    }

    @Override
    public GradientPart read(Kryo kryo, Input input, Class<GradientPart> type) {
        int low = input.readInt();
        int high = input.readInt();
        int rows = input.readInt();
        double lossSum = input.readDouble();
        GradientPart part =
                new GradientPart(low, high, rows > 0 ? parameters.read(kryo, input, Parameters.class) : null);
        part.set(rows, lossSum);
        return part;
    }
}
