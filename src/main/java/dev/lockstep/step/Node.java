package dev.lockstep.step;

/**
 * A node of the reduction tree.
 *
 * @param low first shard
 * @param high one past the last shard
 */
record Node(int low, int high) {
    @Override
    public String toString() {
        return "[" + low + ", " + high + ")";
    }
}
