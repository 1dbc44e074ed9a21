package dev.lockstep.tune;

import com.esotericsoftware.kryo.Kryo;
import org.apache.spark.serializer.KryoRegistrator;

/** Names what trials send beside what {@link dev.lockstep.step.LockstepKryoRegistrator} names. */
public final class TuneKryoRegistrator implements KryoRegistrator {
    @Override
    public void registerClasses(Kryo kryo) {
        kryo.register(TrialEnd.class, new TrialEnd.EndSerializer());
    }
}
