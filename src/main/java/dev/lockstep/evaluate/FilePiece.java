package dev.lockstep.evaluate;

import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.ShardRange;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * A contiguous piece of one of several files of images.
 *
 * @param file its number in their list
 * @param range examples of the file
 */
record FilePiece(int file, ShardRange range) implements Serializable {

    /**
     * Splits files among tasks, contiguously and about evenly: examples are counted over all files, and task t gets those from
     * floor(t * examples / tasks) on. A gzip file, which has no way in from the middle, stays in one piece.
     *
     * @param tasks at least 1
     * @return the pieces of each task, in the order of the files; no task without any
     */
    static List<List<FilePiece>> split(List<LabelledImages> files, int tasks) {
        long examples = files.stream().mapToLong(LabelledImages::examples).sum();
        List<List<FilePiece>> split = new ArrayList<>();
        long before = 0;
        int open = -1; // the task that the last list is of
        for (int file = 0; file < files.size(); file++) {
            int count = files.get(file).examples();
            for (int first = 0; first < count; ) {
                int task = taskOf(before + first, examples, tasks);
                long end = files.get(file).imagesGzip()
                        ? count
                        : Math.min(count, first(task + 1, examples, tasks) - before);
                if (task != open) {
                    split.add(new ArrayList<>());
                    open = task;
                }
                split.get(split.size() - 1).add(new FilePiece(file, new ShardRange(first, (int) end - first)));
                first = (int) end;
            }
            before += count;
        }
        return split;
    }

    private static int taskOf(long example, long examples, int tasks) {
        int task = (int) (example * tasks / examples);
        while (first(task + 1, examples, tasks) <= example) {
            task++;
        }
        return task;
    }

    private static long first(long task, long examples, int tasks) {
        return task * examples / tasks;
    }
}
