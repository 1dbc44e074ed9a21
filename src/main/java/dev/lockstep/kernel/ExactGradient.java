package dev.lockstep.kernel;

import dev.lockstep.memory.FloatMatrix;

/**
 * {@link Kernels#sparseGradient} element by element, in plain loops, for deltas that are not finite: nothing is added where a row has
 * no element, since 0 times infinity would be added for it. A run that gets here has diverged; it shows the same bits as
 * ever.
 */
final class ExactGradient {
    private ExactGradient() {}

    /** Computes the gradient by the weights of the columns of one group. */
    static void group(GradientSum sum, int group, float[] scratch) {
        FloatMatrix first = sum.run(0).hiddenDelta();
        for (int c = group * SparseBatch.COLUMNS; c < Math.min(sum.inputs(), (group + 1) * SparseBatch.COLUMNS); c++) {
            for (int h = 0; h < first.stride(); h++) {
                element(sum, group, c, h, scratch);
            }
        }
    }

    private static void element(GradientSum sum, int group, int c, int h, float[] sums) {
        int top = sum.depthBefore() - 1;
        for (int d = 0; d <= top; d++) {
            sums[d] = sum.waiting(d).w1().get(c, h);
        }
        for (int op = 0; op < sum.ops(); op++) {
            if (sum.begins(op)) {
                top++;
                sums[top] = 0f;
            }
            sums[top] = add(sum, op, group, c, h, sums[top]);
            for (int merges = sum.merges(op); merges > 0; merges--) {
                top--;
                sums[top] += sums[top + 1];
            }
            Gradient out = sum.out(op);
            if (out != null) {
                out.w1().set(c, h, sums[0] + 0f);
                top = -1;
            }
        }
        for (int d = 0; d <= top; d++) {
            sum.waiting(d).w1().set(c, h, sums[d]);
        }
    }

    private static float add(GradientSum sum, int op, int group, int c, int h, float before) {
        GradientRows run = sum.run(op);
        SparseBatch x = run.x();
        float total = before;
        for (int e = x.begins()[group]; e < x.ends()[group]; e++) {
            int row = x.rowOf(e);
            float value = x.value(e, c % SparseBatch.COLUMNS);
            if (row >= sum.rowBegin(op) && row < sum.rowEnd(op) && value != 0f) {
                total = Math.fma(value, run.hiddenDelta().get(row, h), total);
            }
        }
        return total;
    }

    /** Sets the gradient by a group's weights to zero where no row of a wave that is complete in itself has an element. */
    static void zero(GradientSum sum, int group) {
        for (int op = 0; op < sum.ops(); op++) {
            if (sum.out(op) != null) {
                FloatMatrix w1 = sum.out(op).w1();
                int from = group * SparseBatch.COLUMNS * w1.stride();
                int to = Math.min(w1.rows(), (group + 1) * SparseBatch.COLUMNS) * w1.stride();
                for (int i = from; i < to; i += GradientSum.SUMS) {
                    w1.data().buffer().put(i, GradientSum.ZEROS, 0, Math.min(GradientSum.SUMS, to - i));
                }
            }
        }
    }
}
