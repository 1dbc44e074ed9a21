package dev.lockstep.step;

import java.util.BitSet;
import java.util.stream.IntStream;

/**
 * What a step of the engine {@code lockstep} costs: a model of the tree of workers as a queue at every process.
 *
 * <p>A parent with k below sends k orders, each of which takes its CPU c = frame + copy x B and the wire x = B /
 * bandwidth, and receives k answers, each of which takes u = frame + (copy + decode) x B' + sum and the wire x' = B' /
 * bandwidth. The first answer is there after f = c + x + latency + a + x' + latency, where a is what a child needs from order
 * to answer; one more comes every s = max(c, x, x'), or has to wait for the CPU, which is the parent's own for some time
 * after the orders. So all are there after
 *
 * <pre>
 *   collect(k, a, own) = max( max(k c + own, f) + k u,  f + (k - 1) s + u )
 *   a = receive + compute + answer                                               of a child without workers below
 *   a = receive + collect(k', a', compute + prepare) + answer                    of a child with k' below
 *   compute = part + example x examples of the slowest
 *   prepare = draw x batch + prepare x examples of the mean                      the next step's batch
 *   step = update + encode x B + member x executors + collect(k, a, 0)           at the driver
 * </pre>
 *
 * where answer is frame + (copy + encode) x B', and all children of a parent are taken to be like the last of them. A step is
 * never shorter than what a worker alone needs: receive + compute + answer + prepare.
 *
 * <p>Each executor has one shard. Weights are those of plain gradient descent: only rows of pixels that occur in the
 * mini-batch travel.
 *
 * @param machine what the processes do with numbers and frames
 * @param network between any two of them
 * @param traffic the bytes of orders and parts
 */
record StepCost(Machine machine, Network network, Traffic traffic) {
    /**
     * Costs of a process's CPU.
     *
     * @param drawSeconds for each example of the mini-batch, at every worker: which it is, and whether it is the worker's
     * @param prepareSeconds for each example of the worker's: to copy and index it
     * @param partSeconds for the gradient of a part that has examples, however few
     * @param exampleSeconds for each example of it
     * @param encodeSecondsPerByte gradient or weights to frame
     * @param decodeSecondsPerByte frame to gradient or weights
     * @param sumSeconds to add one gradient to another
     * @param updateSeconds to update the weights and find out which rows have changed
     * @param copySecondsPerByte of a frame, to or from the socket
     * @param frameSeconds of a frame without bytes, at either end
     * @param memberSeconds of a round's book-keeping at the driver, for each worker
     */
    record Machine(
            double drawSeconds,
            double prepareSeconds,
            double partSeconds,
            double exampleSeconds,
            double encodeSecondsPerByte,
            double decodeSecondsPerByte,
            double sumSeconds,
            double updateSeconds,
            double copySecondsPerByte,
            double frameSeconds,
            double memberSeconds) {}

    /**
     * A network without loss.
     *
     * @param bandwidthBytesPerSecond of each process, in each direction
     * @param latencySeconds one way, from the sender's write to the receiver's thread
     */
    record Network(double bandwidthBytesPerSecond, double latencySeconds) {}

    /** Fan-ins among which the best is sought; with more below one worker, the worker is what the step waits for. */
    private static final int[] FAN_INS =
            IntStream.concat(IntStream.of(0), IntStream.rangeClosed(2, 128)).toArray();

    /** The fan-in with the shortest step; 0, all workers below the driver, if no tree is shorter. */
    int bestFanIn(int executors, int batchSize) {
        int best = 0;
        for (int fanIn : FAN_INS) {
            if (fanIn < executors && seconds(executors, fanIn, batchSize) < seconds(executors, best, batchSize)) {
                best = fanIn;
            }
        }
        return best;
    }

    /**
     * Seconds of a step.
     *
     * @param executors worker processes
     * @param fanIn workers below the driver and below each worker, at most; 0 for all below the driver
     * @param batchSize examples of the mini-batch, of all executors together
     */
    double seconds(int executors, int fanIn, int batchSize) {
        double driverSeconds = machine.updateSeconds
                + machine.encodeSecondsPerByte * traffic.weightBytes(batchSize)
                + machine.memberSeconds * executors;
        Tree tree = new Tree(executors, fanIn == 0 ? executors : fanIn, batchSize);
        return Math.max(driverSeconds + tree.collectSeconds(0, executors, 0), tree.aloneSeconds());
    }

    /** The tree of {@link Route#tree} over executors that have one shard each. */
    private final class Tree {
        private final int executors;
        private final int fanIn;
        private final double batchSize;
        private final double computeSeconds;
        private final double prepareSeconds;

        Tree(int executors, int fanIn, int batchSize) {
            this.executors = executors;
            this.fanIn = fanIn;
            this.batchSize = batchSize;
            double mean = batchSize / (double) executors;
            // The largest of so many Poisson numbers, as if they were normal.
            double most = Math.min(batchSize, mean + Math.sqrt(2 * mean * Math.log(executors)));
            this.computeSeconds = machine.partSeconds * Math.min(1, most) + machine.exampleSeconds * most;
            this.prepareSeconds = machine.drawSeconds * batchSize + machine.prepareSeconds * mean;
        }

        /** From the first order to the last answer, of a parent with the executors {@code first} to {@code first + count - 1} below. */
        double collectSeconds(int first, int count, double ownSeconds) {
            int k = Math.min(fanIn, count);
            double c = sendSeconds(first, count);
            double parts = IntStream.range(0, k)
                    .map(i -> nodes(begin(first, count, k, i), begin(first, count, k, i + 1)))
                    .average()
                    .orElseThrow();
            int last = begin(first, count, k, k - 1);
            int size = first + count - last;
            double shardExamples = size * batchSize / executors / parts;
            double upBytes = FrameLayout.HEADER_BYTES + parts * traffic.partBytes(shardExamples);
            double u = machine.frameSeconds
                    + (machine.copySecondsPerByte + machine.decodeSecondsPerByte) * upBytes
                    + parts * Traffic.hasRows(shardExamples) * machine.sumSeconds;
            double down = orderBytes(size) / network.bandwidthBytesPerSecond;
            double up = upBytes / network.bandwidthBytesPerSecond;
            double f = c + down + network.latencySeconds + answerSeconds(last, size, upBytes) + up + network.latencySeconds;
            double s = Math.max(c, Math.max(down, up));
            return Math.max(Math.max(k * c + ownSeconds, f) + k * u, f + (k - 1) * s + u);
        }

        /** From an order's last byte to the answer's first, of the executor {@code head} with {@code size - 1} below it. */
        private double answerSeconds(int head, int size, double upBytes) {
            int below = size - 1;
            double receiveSeconds = machine.frameSeconds
                    + (machine.copySecondsPerByte + machine.decodeSecondsPerByte) * orderBytes(size);
            double allSeconds =
                    below == 0 ? computeSeconds : collectSeconds(head + 1, below, computeSeconds + prepareSeconds);
            return receiveSeconds
                    + allSeconds
                    + machine.frameSeconds
                    + (machine.copySecondsPerByte + machine.encodeSecondsPerByte) * upBytes;
        }

        /** What a worker with nobody below is busy for in each step. */
        double aloneSeconds() {
            double upBytes = FrameLayout.HEADER_BYTES + traffic.partBytes(batchSize / executors);
            return answerSeconds(executors - 1, 1, upBytes) + prepareSeconds;
        }

        private double sendSeconds(int first, int count) {
            int k = Math.min(fanIn, count);
            int size = first + count - begin(first, count, k, k - 1);
            return machine.frameSeconds + machine.copySecondsPerByte * orderBytes(size);
        }

        private double orderBytes(int size) {
            return traffic.weightBytes(batchSize) + (size - 1) * Traffic.ROUTE_BYTES;
        }

        private int nodes(int low, int high) {
            BitSet shards = new BitSet();
            shards.set(low, high);
            return ReductionTree.nodes(executors, shards).size();
        }
    }

    private static int begin(int first, int count, int blocks, int block) {
        return first + (int) ((long) block * count / blocks);
    }
}
