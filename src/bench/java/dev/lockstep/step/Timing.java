package dev.lockstep.step;

import java.util.Arrays;

/** Measures short pieces of code, and fits lines to what was measured. */
final class Timing {
    private static final long WARM_UP_NANOS = 300_000_000;
    private static final long MEASURE_NANOS = 400_000_000;
    private static final int RUNS = 20;
    private static final double NANOS_PER_SECOND = 1e9;

    private Timing() {}

    /** Seconds of a call: the median of {@value #RUNS} runs of many calls each, after some time to get warm. */
    static double seconds(Runnable call) {
        long calls = 0;
        long begin = System.nanoTime();
        while (System.nanoTime() - begin < WARM_UP_NANOS) {
            call.run();
            calls++;
        }
        long perRun = Math.max(1, calls * MEASURE_NANOS / WARM_UP_NANOS / RUNS);
        double[] seconds = new double[RUNS];
        for (int run = 0; run < RUNS; run++) {
            long runBegin = System.nanoTime();
            for (long i = 0; i < perRun; i++) {
                call.run();
            }
            seconds[run] = (System.nanoTime() - runBegin) / NANOS_PER_SECOND / perRun;
        }
        Arrays.sort(seconds);
        return seconds[RUNS / 2];
    }

    /**
     * The two factors that fit best: y = first x u + second x v, by least squares of the relative errors. A factor that would be
     * negative is 0.
     *
     * @return first and second
     */
    static double[] fit(double[] u, double[] v, double[] y) {
        double uu = 0;
        double uv = 0;
        double vv = 0;
        double su = 0;
        double sv = 0;
        for (int i = 0; i < y.length; i++) {
            double a = u[i] / y[i];
            double b = v[i] / y[i];
            uu += a * a;
            uv += a * b;
            vv += b * b;
            su += a;
            sv += b;
        }
        double determinant = uu * vv - uv * uv;
        double first = (su * vv - sv * uv) / determinant;
        double second = (sv * uu - su * uv) / determinant;
        if (first < 0) {
            return new double[] {0, sv / vv};
        }
        if (second < 0) {
            return new double[] {su / uu, 0};
        }
        return new double[] {first, second};
    }
}
