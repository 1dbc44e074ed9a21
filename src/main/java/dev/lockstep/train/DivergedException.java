package dev.lockstep.train;

/** Training cannot go on because the loss is no longer a number. The message says where, what is saved, and what to try. */
public final class DivergedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    DivergedException(long step, String what, float learningRate, String lastCheckpoint) {
        super(what + " at step " + step + " with learning rate " + learningRate + "; last checkpoint: "
                + lastCheckpoint + "; try a smaller --learning-rate, --warmup-steps or smaller initial weights"
                + " (--init xavier, or he for relu)");
    }
}
