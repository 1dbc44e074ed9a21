/** The report of a run, and of several side by side: one page that needs no network. */
package dev.lockstep.report;
