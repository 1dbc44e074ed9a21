/** Pages that hold all that they need: text that stays text, charts, style and scripts. */
package dev.lockstep.page;
