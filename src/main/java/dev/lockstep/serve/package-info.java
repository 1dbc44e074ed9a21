/** A small local server: a page on which one draws a digit, and predictions for programs. */
package dev.lockstep.serve;
