/** {@code submit/bench table}: what Lockstep does beside what others do with the same work. */
package dev.lockstep.bench;
