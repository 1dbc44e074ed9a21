package dev.lockstep.step;

import com.esotericsoftware.kryo.Kryo;
import dev.lockstep.data.StagedPart;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.ParametersSerializer;
import dev.lockstep.net.Score;
import java.util.ArrayList;
import org.apache.spark.serializer.KryoRegistrator;

/** Names every class of ours that Spark may send or cache; with {@code spark.kryo.registrationRequired} no other passes. */
public final class LockstepKryoRegistrator implements KryoRegistrator {
    @Override
    public void registerClasses(Kryo kryo) {
        kryo.register(Parameters.class, new ParametersSerializer());
        kryo.register(GradientPart.class, new GradientPartSerializer());
        kryo.register(ResidentWorker.class, new ResidentWorker.Stays());
        kryo.register(SharedShards.class, new SharedShards.Empty());
        kryo.register(Score.class);
        kryo.register(TaskOutcome.class);
        kryo.register(LoadReport.class, new LoadReport.ReportSerializer());
        kryo.register(StagedPart.class);
        kryo.register(ArrayList.class);
        kryo.register(Object[].class);
    }
}
