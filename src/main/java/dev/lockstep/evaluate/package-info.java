/** Batch evaluation: the job, and the metrics of a score. */
package dev.lockstep.evaluate;
