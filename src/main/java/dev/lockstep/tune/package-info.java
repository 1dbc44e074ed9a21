/** The search for good settings: random search and successive halving, with a trial in each Spark task. */
package dev.lockstep.tune;
