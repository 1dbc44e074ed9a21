package dev.lockstep.data;

/** How mini-batches are drawn from the training examples. */
public enum Sampling {
    /** Each example of each batch independently of all others. */
    REPLACEMENT,
    /** In a new random order each epoch, so that an epoch visits each example once. */
    EPOCH
}
