/** Tensors in safetensors and npz files, and files that are written whole or not at all on any Hadoop FileSystem. */
package dev.lockstep.files;
