/** Off-heap arrays: aligned, owned and closed by one owner, counted; freed arrays refuse use. */
package dev.lockstep.memory;
