package dev.lockstep.net;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.Serializer;
import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import dev.lockstep.memory.KryoFloats;

/** Kryo form of {@link Parameters}: inputs, hidden, outputs, then the padded block. Whoever reads owns the result. */
public final class ParametersSerializer extends Serializer<Parameters> {
    @Override
    public void write(Kryo kryo, Output output, Parameters parameters) {
        NetworkShape shape = parameters.shape();
        output.writeInt(shape.inputs());
        output.writeInt(shape.hidden());
        output.writeInt(shape.outputs());
        KryoFloats.write(output, parameters.all());
    }

    @Override
    public Parameters read(Kryo kryo, Input input, Class<Parameters> type) {
        Parameters parameters = new Parameters(new NetworkShape(input.readInt(), input.readInt(), input.readInt()));
        KryoFloats.read(input, parameters.all());
        return parameters;
    }
}
