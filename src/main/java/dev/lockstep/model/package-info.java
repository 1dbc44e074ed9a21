/** Model files with their provenance, and exports. */
package dev.lockstep.model;
