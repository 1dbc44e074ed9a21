/** Training: the loop on one page, its configuration, checkpoints, listeners and the run's directory. */
package dev.lockstep.train;
