/** The arithmetic of a step on off-heap arrays, behind one interface whose implementations give the same bits. */
package dev.lockstep.kernel;
