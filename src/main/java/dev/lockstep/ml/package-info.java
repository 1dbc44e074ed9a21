/** The training as an estimator of Spark ML. */
package dev.lockstep.ml;
