package dev.lockstep.step;

import dev.lockstep.step.StepCost.Machine;
import java.nio.ByteBuffer;

/** What frames cost the processes that send and receive them, in seconds of their CPU. */
final class FrameCosts {
    private final Machine machine;
    private final ParameterCodec codec;
    private long encodedRound = -1;

    FrameCosts(StepPlan plan, Machine machine) {
        this.machine = machine;
        this.codec = new ParameterCodec(plan.shape(), plan.kernels());
    }

    /** To send a frame: each gradient is encoded, and the weights for the first order of a round, which is the driver's. */
    double sendSeconds(ByteBuffer frame, boolean isUpwards) {
        double seconds = machine.frameSeconds() + frame.limit() * machine.copySecondsPerByte();
        long round = frame.getLong(FrameLayout.ROUND_OFFSET);
        if (!isGradient(frame) || !isUpwards && round == encodedRound) {
            return seconds;
        }
        encodedRound = isUpwards ? encodedRound : round;
        return seconds + frame.limit() * machine.encodeSecondsPerByte();
    }

    /** To receive a frame: its numbers are decoded, and gradients are added to others. */
    double receiveSeconds(ByteBuffer frame, boolean isUpwards) {
        double seconds = machine.frameSeconds() + frame.limit() * machine.copySecondsPerByte();
        if (!isGradient(frame)) {
            return seconds;
        }
        int parts = isUpwards ? partsWithRows(frame) : 0;
        return seconds + frame.limit() * machine.decodeSecondsPerByte() + parts * machine.sumSeconds();
    }

    private static boolean isGradient(ByteBuffer frame) {
        return frame.getInt(FrameLayout.TYPE_OFFSET) == FrameLayout.GRADIENT;
    }

    private int partsWithRows(ByteBuffer frame) {
        ByteBuffer in = frame.duplicate().order(frame.order());
        in.position(FrameLayout.HEADER_BYTES);
        int parts = 0;
        for (int i = frame.getInt(FrameLayout.COUNT_OFFSET); i > 0; i--) {
            int rows = in.getInt(in.position() + FrameLayout.NODE_BYTES);
            in.position(in.position() + FrameLayout.GRADIENT_NODE_BYTES);
            if (rows != 0) {
                parts++;
                in.position(in.position() + codec.length(in));
            }
        }
        return parts;
    }
}
