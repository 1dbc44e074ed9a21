package dev.lockstep.kernel;

/** What training makes small, for one example with scores y = softmax(a) and one-hot label t; averaged over a batch. */
public enum Loss {
    /** E = -sum_k t_k log y_k; dE/da_k = y_k - t_k. */
    CROSS_ENTROPY,
    /** E = 1/2 sum_k (y_k - t_k)^2; dE/da_k = y_k (d_k - sum_j d_j y_j) with d = y - t. */
    MSE
}
