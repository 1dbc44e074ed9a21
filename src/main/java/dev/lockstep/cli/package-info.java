/** The command line: the only place that reads arguments, prints for people, or ends the process. */
package dev.lockstep.cli;
