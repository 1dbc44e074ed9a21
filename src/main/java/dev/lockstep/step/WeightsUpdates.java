package dev.lockstep.step;

import dev.lockstep.kernel.Kernels;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import java.nio.ByteBuffer;

/**
 * What workers need to be told of the weights: the rows that differ from those of the round before, found by comparing, so
 * that it holds for every update rule; or everything, for a worker that missed a change. Encoded once for all workers.
 * Guarded by the coordinator's monitor.
 */
final class WeightsUpdates implements AutoCloseable {
    private final ParameterCodec codec;
    private final Parameters known; // what a worker with the newest version has
    private final ByteBuffer change;
    private ByteBuffer everything;
    private long changeOfRound = -1;
    private long changeToVersion = -1; // what the change leads to, from the version before
    private long everythingOfVersion = -1;
    private long version;

    WeightsUpdates(NetworkShape shape, Kernels kernels) {
        this.codec = new ParameterCodec(shape, kernels);
        this.known = new Parameters(shape);
        this.change = FrameLayout.room(codec.maxBytes());
    }

    Reader newReader() {
        return new Reader();
    }

    private void compare(Coordinator.Round round) {
        if (round.number() == changeOfRound) {
            return;
        }
        changeOfRound = round.number();
        changeToVersion = -1;
        change.clear();
        int rows = codec.write(round.weights(), row -> codec.takeOver(round.weights(), known, row), change);
        change.flip();
        boolean isFirst = version == 0;
        if (isFirst || rows > 0 || !codec.isSameTail(round.weights(), known)) {
            codec.copyTail(round.weights(), known);
            version++;
            changeToVersion = version;
        }
    }

    private ByteBuffer everything(Parameters weights) {
        if (everythingOfVersion != version) {
            if (everything == null) {
                everything = FrameLayout.room(codec.maxBytes());
            }
            everything.clear();
            codec.write(weights, row -> true, everything);
            everything.flip();
            everythingOfVersion = version;
        }
        return everything;
    }

    @Override
    public void close() {
        known.close();
    }

    /** One worker's view. */
    final class Reader {
        private long has;

        /** What brings the worker from what it has to the round's weights. Good until the next call. */
        WeightsUpdate next(Coordinator.Round round) {
            compare(round);
            long before = has;
            has = version;
            if (before == version) {
                return new WeightsUpdate(version, version, null);
            }
            boolean missedOnlyThis = before > 0 && before == version - 1 && changeToVersion == version;
            return missedOnlyThis
                    ? new WeightsUpdate(before, version, change.duplicate())
                    : new WeightsUpdate(0, version, everything(round.weights()).duplicate());
        }

        /** What the worker has is not known any more: it was told by others. */
        void forget() {
            has = 0;
        }
    }
}
