package dev.lockstep.data;

/** The three disjoint sets of examples. */
public enum Split {
    /** Examples that gradients are computed from. */
    TRAIN,
    /** Examples of the training files that are held out from training. */
    VALIDATION,
    /** Examples of the test files. */
    TEST
}
