/** Labelled images: IDX files on any Hadoop FileSystem, off-heap shards, and the sampler of mini-batches. */
package dev.lockstep.data;
