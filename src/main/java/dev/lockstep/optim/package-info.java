/** Update rules and learning-rate schedules. */
package dev.lockstep.optim;
