package dev.lockstep.train;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import dev.lockstep.net.Score;
import dev.lockstep.step.GradientSource;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerEvent;

/**
 * A source of Spark's metrics system, so that its sinks (Prometheus, JMX, Graphite ...) serve the figures of the run under way:
 * {@code spark.plugins=dev.lockstep.train.MetricsPlugin}. Only the driver has some. Gauges are read by the sinks' threads when
 * somebody asks; the run does nothing for them.
 */
public final class MetricsPlugin implements SparkPlugin {
    @Override
    public DriverPlugin driverPlugin() {
        return new Driver();
    }

    @Override
    public ExecutorPlugin executorPlugin() {
        return null; // Spark's word for none
    }

    private static final class Driver implements DriverPlugin {
        private final Set<String> workers = new HashSet<>();
        private volatile RunMeter run;

        @Override
        public Map<String, String> init(SparkContext spark, PluginContext context) {
            spark.addSparkListener(new SparkListener() {
                @Override
                public void onOtherEvent(SparkListenerEvent event) {
                    if (event instanceof RunStarted started) {
                        run = started.meter();
                        addWorkers(context.metricRegistry());
                    }
                }
            });
            return Map.of();
        }

        @Override
        public void registerMetrics(String appId, PluginContext context) {
            MetricRegistry registry = context.metricRegistry();
            gauge(registry, "step", RunMeter::step);
            gauge(registry, "total_steps", RunMeter::totalSteps);
            gauge(registry, "loss", RunMeter::loss);
            gauge(registry, "learning_rate", RunMeter::learningRate);
            evaluated(registry, "train_loss", evaluation -> evaluation.train().meanLoss());
            evaluated(
                    registry, "train_accuracy", evaluation -> evaluation.train().accuracy());
            evaluated(
                    registry,
                    "validation_accuracy",
                    evaluation -> evaluation.validation().map(Score::accuracy).orElse(Double.NaN));
            evaluated(registry, "test_loss", evaluation -> evaluation.test().meanLoss());
            evaluated(registry, "test_accuracy", evaluation -> evaluation.test().accuracy());
            gauge(registry, "step_millis_p50", meter -> meter.recent().median());
            gauge(registry, "step_millis_p90", meter -> meter.recent().p90());
            gauge(registry, "step_millis_p99", meter -> meter.recent().p99());
            counter(registry, "bytes_up", GradientSource.Counters::bytesUp);
            counter(registry, "bytes_down", GradientSource.Counters::bytesDown);
            counter(registry, "workers_lost", GradientSource.Counters::workersLost);
            gauge(registry, "workers_joined", meter -> {
                addWorkers(registry); // those who came late are there when next asked
                return meter.counters().workersJoined();
            });
        }

        /** Their gauges, by host and task. */
        private synchronized void addWorkers(MetricRegistry registry) {
            for (GradientSource.WorkerTimes worker : run.workers()) {
                if (workers.add(worker.name())) {
                    String prefix = "worker." + worker.name().replaceAll("\\W+", "_");
                    worker(registry, prefix + ".steps", worker.name(), GradientSource.WorkerTimes::steps);
                    worker(
                            registry,
                            prefix + ".answer_seconds",
                            worker.name(),
                            GradientSource.WorkerTimes::answerSeconds);
                    worker(
                            registry,
                            prefix + ".alone_seconds",
                            worker.name(),
                            GradientSource.WorkerTimes::aloneSeconds);
                }
            }
        }

        private void gauge(MetricRegistry registry, String name, Function<RunMeter, Number> figure) {
            Gauge<Number> gauge = () -> {
                RunMeter meter = run;
                return meter == null ? Double.NaN : figure.apply(meter);
            };
            registry.register(name, gauge);
        }

        private void evaluated(MetricRegistry registry, String name, Function<Evaluation, Number> figure) {
            gauge(registry, name, meter -> meter.latest().map(figure).orElse(Double.NaN));
        }

        private void counter(MetricRegistry registry, String name, Function<GradientSource.Counters, Number> figure) {
            gauge(registry, name, meter -> figure.apply(meter.counters()));
        }

        private void worker(
                MetricRegistry registry,
                String metric,
                String name,
                ToDoubleFunction<GradientSource.WorkerTimes> figure) {
            gauge(
                    registry,
                    metric,
                    meter -> meter.workers().stream()
                            .filter(worker -> worker.name().equals(name))
                            .mapToDouble(figure)
                            .sum());
        }
    }
}
