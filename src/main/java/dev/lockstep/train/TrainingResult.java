package dev.lockstep.train;

/**
 * How a run ended; the weights are those that the trainer was given, trained.
 *
 * @param steps steps done
 * @param finalLoss mean loss of the last mini-batch before its update; NaN when no step was done
 * @param evaluation of the weights that are kept: the last ones, or with early stopping the best
 * @param times figures of the loop
 */
public record TrainingResult(long steps, double finalLoss, Evaluation evaluation, StepTimes times) {}
