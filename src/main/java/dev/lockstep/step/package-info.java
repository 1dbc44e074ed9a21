/** One synchronous step: the gradient of step t at weights w, from shards that workers hold, added up along a fixed tree. */
package dev.lockstep.step;
