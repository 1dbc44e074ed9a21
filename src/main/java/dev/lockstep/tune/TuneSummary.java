package dev.lockstep.tune;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** What {@code summary.json} says of a search. */
final class TuneSummary {
    private TuneSummary() {}

    static ObjectNode json(Search search) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("trials", search.trials().size());
        json.put("trials_failed", search.failures());
        json.put("eta", search.halving().eta());
        ArrayNode rungs = json.putArray("rungs");
        List<Halving.Rung> planned = search.halving().rungs();
        for (int k = 0; k < planned.size(); k++) {
            rungs.addObject()
                    .put("trials", search.rungs().get(k).size())
                    .put("share_of_steps", 1.0 / planned.get(k).divisor());
        }
        ObjectNode space = json.putObject("space");
        search.space().dimensions().forEach(dimension -> space.put(dimension.key(), dimension.toString()));
        ObjectNode best = json.putObject("best");
        TrialEnd end = search.bestEnd();
        best.setAll(end.json());
        best.put("test_accuracy", search.test().accuracy());
        best.put("test_loss", search.test().meanLoss());
        ObjectNode settings = best.putObject("settings");
        search.best().settings().forEach(settings::put);
        best.put("command", search.best().command());
        json.put("validation_examples", search.best().plan().holdout().validation());
        json.put("training_examples", search.best().plan().holdout().training());
        json.put("test_examples", search.test().examples());
        json.put("tune_seconds", search.seconds());
        json.put("java_version", System.getProperty("java.version"));
        json.put("spark_version", org.apache.spark.package$.MODULE$.SPARK_VERSION());
        return json;
    }
}
